/** {@code java.util.concurrent} on MPI: an executor whose tasks run on all ranks of a job. */
package dev.mpipool;
