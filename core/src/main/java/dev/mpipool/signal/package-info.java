/** Signals that ask this process to end or announce that it will be ended. */
package dev.mpipool.signal;
