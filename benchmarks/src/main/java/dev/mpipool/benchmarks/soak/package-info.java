/** A pool under random faults for as long as one likes: {@code bin/soak}. */
package dev.mpipool.benchmarks.soak;
