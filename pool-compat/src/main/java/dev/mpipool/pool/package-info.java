/** The pools that people know from Python, on the executor: an adapter without an engine. */
package dev.mpipool.pool;
