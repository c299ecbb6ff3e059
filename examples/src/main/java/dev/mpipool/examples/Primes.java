package dev.mpipool.examples;

import dev.mpipool.MPIRuntime;
import dev.mpipool.WorkersExitException;
import dev.mpipool.pool.MPIPool;
import java.util.List;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * The first primes above a number: the candidates are endless, and are taken as far as they are
 * needed. Arguments: how many primes (10), above which number (1000000000000).
 */
public final class Primes {

  private Primes() {}

  /** The candidate if it is a prime, or else 0. */
  private static long prime(long candidate) {
    for (long divisor = 2; divisor * divisor <= candidate; divisor++) {
      if (candidate % divisor == 0) {
        return 0;
      }
    }
    return candidate;
  }

  public static void main(String[] args) {
    String[] own = MPIRuntime.init(args);
    int wanted = own.length > 0 ? Integer.parseInt(own[0]) : 10;
    long above = own.length > 1 ? Long.parseLong(own[1]) : 1_000_000_000_000L;
    try (MPIPool pool = new MPIPool()) {
      pool.workersExit();

      Iterable<Long> candidates = () -> LongStream.iterate(above + 1, n -> n + 1).iterator();
      try (Stream<Long> results = pool.imap(Primes::prime, candidates)) {
        List<Long> primes = results.filter(prime -> prime > 0).limit(wanted).toList();
        primes.forEach(System.out::println);
      }
    } catch (WorkersExitException e) {
      // a worker rank, which goes on below
    }
    MPIRuntime.finish();
  }
}
