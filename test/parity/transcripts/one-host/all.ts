import type { Transcript } from "../../transcript.ts";
import { containerErrors, containerOptions } from "./container-creation.ts";
import {
  containerLife,
  containerRemoval,
  containerTrouble,
  containerUpdates,
  containerWaits,
} from "./container-life.ts";
import { containerLists } from "./container-lists.ts";
import { containerArchives, containerLogs, containerStreams } from "./container-streams.ts";
import { execs } from "./execs.ts";
import { imageArchives, imageBuilds } from "./image-contents.ts";
import { imageLists, imageNames, imageRegistries } from "./images.ts";
import { hostEvents, hostSystem } from "./system.ts";
import { volumes } from "./volumes.ts";

/** Calls to one Docker host. Each leaves it as it was: nothing but the lab's images. */
export const ONE_HOST_TRANSCRIPTS: readonly Transcript[] = [
  hostSystem,
  imageLists,
  imageNames,
  imageArchives,
  imageRegistries,
  containerOptions,
  containerErrors,
  containerLists,
  containerLife,
  containerTrouble,
  containerUpdates,
  containerWaits,
  containerRemoval,
  containerLogs,
  containerStreams,
  containerArchives,
  execs,
  imageBuilds,
  volumes,
  hostEvents,
];
