package dev.mpipool.benchmarks.lambdas;

import dev.mpipool.MPIExecutor;
import dev.mpipool.SerializableCallable;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;

/**
 * Programs that {@code bin/bench lambdas} runs with and without the agent. Each prints one figure.
 *
 * <ul>
 *   <li>{@code hello}: 0, after one task.
 *   <li>{@code throughput}: tasks a second, each a lambda that captures two values.
 *   <li>{@code load JAR COUNT}: milliseconds in which so many classes of a jar are loaded.
 * </ul>
 */
public final class LambdaBenchmark {
  private static final int ROUNDS = 12;
  private static final int TASKS = 50_000;

  private LambdaBenchmark() {}

  public static void main(String[] arguments) throws Exception {
    if (arguments[0].equals("load")) {
      System.out.println(load(Path.of(arguments[1]), Integer.parseInt(arguments[2])));
      return;
    }
    MPIExecutor.run(
        arguments,
        (executor, rest) -> {
          boolean isHello = rest[0].equals("hello");
          System.out.println(isHello ? executor.submit(() -> 0).get() : throughput(executor));
        });
  }

  /** The best of the later rounds. */
  private static long throughput(MPIExecutor executor) throws Exception {
    long best = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS; round++) {
      long begin = System.nanoTime();
      List<Future<Integer>> futures = new ArrayList<>(TASKS);
      for (int i = 0; i < TASKS; i++) {
        int a = i;
        int b = round;
        SerializableCallable<Integer> task = () -> a + b;
        futures.add(executor.submit(task));
      }
      for (Future<Integer> future : futures) {
        future.get();
      }
      best = round < ROUNDS / 2 ? best : Math.min(best, System.nanoTime() - begin);
    }
    return TASKS * 1_000_000_000L / best;
  }

  private static long load(Path jar, int count) throws IOException {
    List<String> names;
    try (JarFile file = new JarFile(jar.toFile())) {
      names =
          file.stream()
              .map(JarEntry::getName)
              .filter(name -> name.endsWith(".class") && !name.contains("-"))
              .map(name -> name.replaceFirst("\\.class$", "").replace('/', '.'))
              .toList();
    }
    URL[] urls = {jar.toUri().toURL()};
    try (URLClassLoader loader = new URLClassLoader(urls)) {
      int loaded = 0;
      long begin = System.nanoTime();
      for (String name : names) {
        try {
          loaded += Class.forName(name, false, loader).getClassLoader() == loader ? 1 : 0;
        } catch (ClassNotFoundException | LinkageError e) {
          // needs a library that is not there
        }
        if (loaded == count) {
          return (System.nanoTime() - begin) / 1_000_000;
        }
      }
    }
    throw new IOException(jar + " has fewer classes that can be loaded");
  }
}
