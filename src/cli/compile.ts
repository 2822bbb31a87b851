/** All code that a daemon may come to need. Loading it is all there is to do: see bin/flotilla. */
import "#node/init.ts";
import "#node/manager-host.ts";
import "./daemon.ts";
