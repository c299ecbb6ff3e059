/**
 * A device for MPJ Express that is fast, survives lost ranks, and refuses connections from outside
 * the job; and the transport of mpipool's own messages over its connections. docs/architecture.md
 * lists the four rooms of this package.
 */
package dev.mpipool.device;
