/**
 * Prints `N passed, N failed` from vitest's JSON report and fails when a test failed, was skipped, or none ran. Skipped by
 * a flag of test/contract/capabilities.ts is neither: its reason is written down there, and test/support/tables.ts lists it.
 */
import { readFileSync } from "node:fs";

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  numFailedTestSuites: number;
  testResults: { name: string; assertionResults: { status: string; meta: { lacks?: string } }[] }[];
}

const [path = "", runnerStatus = "0"] = process.argv.slice(2);
const report = JSON.parse(readFileSync(path, "utf8")) as Report;
const lacking = report.testResults
  .flatMap(({ assertionResults }) => assertionResults)
  .filter(({ status, meta }) => status === "skipped" && meta.lacks !== undefined).length;
const skipped = report.numPendingTests + report.numTodoTests - lacking;
const empty = report.testResults.filter(({ assertionResults }) => assertionResults.length === 0);
for (const { name } of empty) console.log(`no test ran in ${name}`);
if (lacking > 0) console.log(`${lacking} tests were skipped by a capability flag`);
if (skipped > 0) console.log(`${skipped} tests were skipped: a skipped test is a failure here`);
const failed = report.numFailedTests + skipped + empty.length;
const runnerFailed = Number(runnerStatus) !== 0;
if (runnerFailed && failed === 0) console.log(`vitest ended with ${runnerStatus} although no test failed`);
console.log(`${report.numPassedTests} passed, ${failed} failed`);
process.exitCode = failed > 0 || runnerFailed || report.numPassedTests === 0 ? 1 : 0;
