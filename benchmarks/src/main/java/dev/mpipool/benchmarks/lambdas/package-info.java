/** What it costs to make all lambdas of a program serializable. */
package dev.mpipool.benchmarks.lambdas;
