import { ManualClock } from "#base/manual-clock.ts";

/** An HTTP call within one process takes this many turns of the event loop at most, there and back. */
const TURNS = 4;

/** A simulated clock that lets calls between the parts of a cluster come to their end before time goes on. */
export class PatientClock extends ManualClock {
  override async settle(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) await super.settle();
  }
}
