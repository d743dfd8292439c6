/** undici's connection pool alone: the whole package costs twice the memory and start-up time. */
declare module "undici/lib/dispatcher/pool.js" {
  import { Pool } from "undici";
  export default Pool;
}
