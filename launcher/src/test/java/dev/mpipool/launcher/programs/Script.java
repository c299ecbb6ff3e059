package dev.mpipool.launcher.programs;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import mpi.MPI;

/**
 * A rank that does what it is told: each argument is {@code ranks:action} or {@code
 * ranks:action:value}, where ranks is one digit for each rank meant, or {@code *}. Nothing is
 * initialized or finalized unless it says so.
 */
public final class Script {
  private Script() {}

  public static void main(String[] args) throws Exception {
    int rank = Integer.parseInt(args[0]);
    for (String step : List.of(args).subList(3, args.length)) {
      String[] parts = step.split(":", 3);
      if (parts[0].equals("*") || parts[0].contains(Integer.toString(rank))) {
        String value = parts.length > 2 ? parts[2] : "";
        if (parts[1].equals("return")) {
          return;
        }
        act(parts[1], value, rank, args);
      }
    }
  }

  private static void act(String action, String value, int rank, String[] args) throws Exception {
    switch (action) {
      case "init" -> MPI.Init(args);
      case "sum" -> sum();
      case "finalize" -> MPI.Finalize();
      case "say" -> System.out.println(value + " " + rank);
      case "err" -> System.err.println(value + " " + rank);
      case "part" -> System.out.print(value);
      case "throw" -> throw new IllegalStateException(value);
      case "throwWorkersExit" -> throw workersExit();
      case "exit" -> System.exit(Integer.parseInt(value));
      case "halt" -> Runtime.getRuntime().halt(Integer.parseInt(value));
      case "kill" -> kill();
      case "barrier" -> MPI.COMM_WORLD.Barrier();
      case "receive" -> MPI.COMM_WORLD.Recv(new int[1], 0, 1, MPI.INT, MPI.ANY_SOURCE, 77);
      case "sleep" -> Thread.sleep(Long.parseLong(value));
      case "wait" -> new CountDownLatch(1).await();
      case "spin" -> spin();
      case "hook" -> Runtime.getRuntime().addShutdownHook(new Thread(Script::spin));
      case "lastWords" ->
          Runtime.getRuntime()
              .addShutdownHook(new Thread(() -> System.out.println(System.currentTimeMillis())));
      case "saves" ->
          Runtime.getRuntime().addShutdownHook(new Thread(() -> save(Path.of(value + rank))));
      case "thread" -> thread(Long.parseLong(value), rank);
      case "lines" -> lines(Integer.parseInt(value), rank);
      case "cat" -> cat(rank);
      case "lost" ->
          dev.mpipool.link.LauncherLink.current()
              .orElseThrow()
              .onRankLost(
                  (lost, reason) -> System.out.println(rank + " heard of " + lost + ": " + reason));
      case "property" -> System.out.println(value + "=" + System.getProperty(value));
      case "environment" -> System.out.println(value + "=" + System.getenv(value));
      case "rest" -> System.out.println(Arrays.asList(args));
      default -> throw new IllegalArgumentException(action);
    }
  }

  private static void kill() throws Exception {
    new ProcessBuilder("kill", "-KILL", Long.toString(ProcessHandle.current().pid())).start();
    new CountDownLatch(1).await();
  }

  private static Exception workersExit() throws ReflectiveOperationException {
    var constructor = Class.forName("dev.mpipool.WorkersExitException").getDeclaredConstructor();
    constructor.setAccessible(true);
    return (Exception) constructor.newInstance();
  }

  private static void sum() throws Exception {
    int[] mine = {MPI.COMM_WORLD.Rank()};
    int[] sum = new int[1];
    MPI.COMM_WORLD.Allreduce(mine, 0, sum, 0, 1, MPI.INT, MPI.SUM);
    System.out.println("sum " + sum[0] + " at rank " + mine[0] + " of " + MPI.COMM_WORLD.Size());
  }

  @SuppressWarnings("InfiniteLoopStatement")
  private static void spin() {
    long n = 0;
    while (true) {
      n++;
      if (n == Long.MIN_VALUE) {
        System.out.println(n);
      }
    }
  }

  /** What a shutdown hook does that has some work to finish. */
  private static void save(Path file) {
    try {
      Thread.sleep(1_500);
      Files.writeString(file, "saved");
      System.out.println("saved " + file.getFileName());
    } catch (InterruptedException | IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void thread(long millis, int rank) {
    new Thread(
            () -> {
              try {
                Thread.sleep(millis);
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
              System.out.println("thread of " + rank);
            })
        .start();
  }

  /**
   * Prints lines piece by piece, so that a launcher that mixes ranks within a line would be caught.
   */
  private static void lines(int n, int rank) {
    String piece = Integer.toString(rank).repeat(20);
    for (int i = 0; i < n; i++) {
      System.out.print(piece);
      System.out.print(' ');
      System.out.println(piece);
    }
  }

  private static void cat(int rank) throws Exception {
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    long n = 0;
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      n++;
      if (n == 1) {
        System.out.println("rank " + rank + " read " + line);
      }
    }
    System.out.println("rank " + rank + " read " + n + " lines");
  }
}
