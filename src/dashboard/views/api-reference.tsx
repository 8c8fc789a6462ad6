/** The relay's own OpenAPI document, as a page: nothing of it comes from elsewhere. */
import { useMemo } from "preact/hooks";
import { openApi } from "../api/routes.ts";
import { useResource } from "../api/use-resource.ts";
import { Loaded } from "../parts/states.tsx";
import {
  type ApiDocument,
  type Group,
  type Operation,
  type Parameter,
  type Schema,
  groupsOf,
  resolve,
  schemaOf,
  typeText,
} from "./api-document.ts";

export function ApiReference() {
  const found = useResource("openapi", (signal) => openApi(signal) as Promise<ApiDocument>);
  return (
    <div class="view api">
      <Loaded from={found}>{(document) => <Reference document={document} />}</Loaded>
    </div>
  );
}

function Reference({ document }: { document: ApiDocument }) {
  const groups = useMemo(() => groupsOf(document), [document]);
  const { title = "Admin API", version, description } = document.info ?? {};
  return (
    <>
      <header class="title">
        <h1>{title}</h1>
        <span class="muted">{version}</span>
      </header>
      {description && <p class="prose">{description}</p>}
      <p class="prose">
        Every request has <code>Authorization: Bearer &lt;token&gt;</code>. The document itself is at{" "}
        <code>/v1/admin/openapi.json</code>.
      </p>
      {groups.map((group) => (
        <GroupSection key={group.name} group={group} document={document} />
      ))}
      <Schemas document={document} />
    </>
  );
}

function GroupSection({ group: { name, description, operations }, document }: { group: Group; document: ApiDocument }) {
  return (
    <section class="panel">
      <h2>{name}</h2>
      {description && <p class="muted">{description}</p>}
      {operations.map((operation) => (
        <details key={`${operation.method} ${operation.path}`} class="operation">
          <summary>
            <span class={`method ${operation.method}`}>{operation.method.toUpperCase()}</span>
            <code>{operation.path}</code>
            <span class="summary">{operation.summary}</span>
          </summary>
          <OperationBody operation={operation} document={document} />
        </details>
      ))}
    </section>
  );
}

function OperationBody({ operation, document }: { operation: Operation; document: ApiDocument }) {
  const { description, parameters = [], requestBody, responses = {} } = operation;
  const body = schemaOf(requestBody && resolve(document, requestBody).content);
  return (
    <div class="operation-body">
      {description && <p>{description}</p>}
      {parameters.length > 0 && <Parameters of={parameters.map((one) => resolve(document, one))} />}
      {body && (
        <>
          <h3>Body</h3>
          <SchemaView schema={body} document={document} />
        </>
      )}
      <h3>Answers</h3>
      <dl class="answers">
        {Object.entries(responses).map(([status, given]) => {
          const answer = resolve(document, given);
          const schema = schemaOf(answer.content);
          return (
            <div key={status}>
              <dt class={`status s${status[0]}`}>{status}</dt>
              <dd>
                {answer.description}
                {schema && status.startsWith("2") && <SchemaView schema={schema} document={document} />}
              </dd>
            </div>
          );
        })}
      </dl>
    </div>
  );
}

function Parameters({ of }: { of: readonly Parameter[] }) {
  return (
    <>
      <h3>Parameters</h3>
      <dl class="fields">
        {of.map(({ name, in: place, required, description, schema }) => (
          <div key={`${place} ${name}`}>
            <dt>
              <code>{name}</code> <span class="muted">{place}</span>
              {required && place !== "path" && <span class="required"> required</span>}
            </dt>
            <dd>
              <span class="type">{schema ? typeText(schema) : ""}</span> {description ?? schema?.description}
            </dd>
          </div>
        ))}
      </dl>
    </>
  );
}

/** An object's fields as a list; what is inside of them by name, so that nothing is said twice or without end. */
function SchemaView({ schema, document }: { schema: Schema; document: ApiDocument }) {
  const whole = resolve(document, schema);
  const { properties, required = [] } = whole;
  if (!properties) return <p class="type">{typeText(schema)}</p>;
  return (
    <dl class="fields">
      {Object.entries(properties).map(([name, field]) => (
        <div key={name}>
          <dt>
            <code>{name}</code>
            {!required.includes(name) && <span class="muted"> optional</span>}
          </dt>
          <dd>
            <span class="type">{typeText(field)}</span> {field.description}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Schemas({ document }: { document: ApiDocument }) {
  const schemas = Object.entries(document.components?.schemas ?? {});
  if (schemas.length === 0) return null;
  return (
    <section class="panel">
      <h2>Schemas</h2>
      {schemas.map(([name, schema]) => (
        <details key={name} class="operation">
          <summary>
            <code>{name}</code>
            <span class="summary">{schema.description}</span>
          </summary>
          <div class="operation-body">
            <SchemaView schema={schema} document={document} />
          </div>
        </details>
      ))}
    </section>
  );
}
