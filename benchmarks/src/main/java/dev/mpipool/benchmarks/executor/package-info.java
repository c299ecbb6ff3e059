/**
 * The executor beside its peers, in one run: {@code bin/bench executor}.
 *
 * <p>{@link dev.mpipool.benchmarks.executor.ExecutorBenchmark} starts one program after the other,
 * round after round; each is a {@link dev.mpipool.benchmarks.executor.Contestant} that {@link
 * dev.mpipool.benchmarks.executor.Parts} measures, and prints lines {@code = key value}. The peers
 * that come from Maven Central, the plots and JMH stand in src/bench, which the normal build does
 * not compile.
 */
package dev.mpipool.benchmarks.executor;
