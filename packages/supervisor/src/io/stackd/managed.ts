/** What every service of the stack looks like from above, whatever runs it. */
import type { ErrorReport } from "@stack/base";
import type { ChildExit, ServiceState } from "@stack/control";
import type { ServicePlan } from "../../core/services.ts";
import type { AppInstance } from "./app-instance.ts";
import type { Service } from "./service.ts";

export interface Managed {
  /** The newest plan; what runs may still have an older one. */
  plan: ServicePlan;
  readonly service: Service;
  /** Of an app's instance: how to speak with its arbiter. */
  readonly instance: AppInstance | null;
  readonly state: () => ServiceState;
  /** Others that depend on it may start. */
  readonly isReady: () => boolean;
  /** Why it will not become ready by itself; null while there is hope. */
  readonly error: () => ErrorReport | null;
  readonly exited: (exit: ChildExit) => boolean;
}
