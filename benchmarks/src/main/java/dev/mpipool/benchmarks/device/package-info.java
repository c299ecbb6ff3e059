/** The device beside the one that MPJ Express brings, and beside Open MPI. */
package dev.mpipool.benchmarks.device;
