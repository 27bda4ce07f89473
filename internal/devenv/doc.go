// Package devenv runs everything that Durapay needs on one machine: a private
// MariaDB, Temporal's development server, the simulated bank and the platform.
// Each is a child process with its own log, pid file and readiness check; a child
// that dies is started again, and a hard kill of the parent is cleaned up by the
// next start.
//
// Nothing in here is used by a deployment of more than one machine.
package devenv
