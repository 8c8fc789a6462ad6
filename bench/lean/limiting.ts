/** No rate is charged for what is relayed; asking for connections stays as it is. */
import { Charge } from "../../src/relay/limits/rates.ts";

export { type Charged, mayAsk, tellOnce } from "../../src/relay/limits/limiting.ts";

export const chargeMessage = (): Charge => Charge.Within;
export const isDropped = (): boolean => false;
export const isWithinConnection = (): boolean => true;
