/** What the patterns cost in which all ranks take part. */
package dev.mpipool.benchmarks.shared;
