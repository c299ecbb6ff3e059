/**
 * Ranks on an MPI library of the machine: Open MPI, MPICH and what shares its binary interface, or
 * any library of the MPI-5 ABI.
 *
 * <p>The classes that call the library need Java 22 or later, and are versioned classes of the jar
 * (META-INF/versions/22). What finds out whether such a library is in charge runs on Java 17.
 */
package dev.mpipool.nativempi;
