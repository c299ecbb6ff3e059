package dev.mpipool.ranks.programs;

import static java.nio.file.StandardOpenOption.APPEND;
import static java.nio.file.StandardOpenOption.CREATE;

import dev.mpipool.comm.Communicator;
import dev.mpipool.tasker.OnChange;
import dev.mpipool.tasker.Tasker;
import dev.mpipool.tasker.TasksChangedException;
import dev.mpipool.tasker.TasksFailedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.UUID;

/**
 * Maps on real ranks, each named by the first argument; the second is the folder of their files.
 */
public final class TaskerScript {

  private TaskerScript() {}

  private static Path folder;

  public static void main(String[] args) throws Exception {
    try (Tasker tasker = new Tasker(args)) {
      String[] own = tasker.arguments();
      folder = Path.of(own[1]);
      switch (own[0]) {
        case "points" -> {
          points(tasker);
          costs(tasker, 5000);
        }
        case "sweep" -> sweep(tasker, Integer.parseInt(own[2]));
        case "death" -> death(tasker, Integer.parseInt(own[2]));
        case "hold" -> hold(tasker);
        default -> throw new IllegalArgumentException(own[0]);
      }
    }
  }

  /** Each point is a line of each rank, which ends with true if it holds. */
  private static void points(Tasker tasker) {
    List<Integer> hundred = Tasker.range(100);
    Path file = folder.resolve("points.bin");
    Object stays = new Object(); // not serializable, and need not be
    List<Integer> squares = tasker.map(file, x -> x * x + 0 * stays.hashCode(), hundred);
    check(tasker, "whole on every rank", squares.size() == 100 && squares.get(99) == 9801);
    List<Integer> again = tasker.map(file, x -> -1, hundred);
    check(tasker, "read the second time", again.equals(squares));

    try {
      tasker.map(file, "2", x -> -1, hundred);
    } catch (TasksChangedException e) {
      check(
          tasker, "another version", e.getMessage().contains("the version was none and is \"2\""));
    }
    Path failing = folder.resolve("failing.bin");
    try {
      tasker.map(failing, x -> 100 / (x % 50), hundred);
    } catch (TasksFailedException e) {
      boolean right = e.failedIndices().equals(List.of(0, 50));
      check(tasker, "failed tasks", right && e.getCause() instanceof ArithmeticException);
    }
    List<Integer> repaired = tasker.map(failing, x -> x, hundred);
    check(
        tasker,
        "the rest",
        repaired.get(0) == 0 && repaired.get(50) == 50 && repaired.get(51) == 100);

    List<double[]> large = tasker.map(folder.resolve("large"), x -> new double[50_000], hundred);
    check(tasker, "forty megabytes", large.size() == 100 && large.get(99).length == 50_000);

    Path memo = folder.resolve("memo" + tasker.rank());
    tasker.save(memo, List.of(tasker.rank()));
    Optional<List<Integer>> loaded = tasker.load(memo);
    check(tasker, "memo", loaded.equals(Optional.of(List.of(tasker.rank()))));

    try (Tasker serial =
        Tasker.builder()
            .communicator(Communicator.world())
            .serial()
            .onChange(OnChange.RECOMPUTE)
            .open()) {
      List<Integer> ranks = serial.map(file, "3", x -> serial.rank(), hundred);
      check(tasker, "serially on the root", ranks.equals(hundred.stream().map(x -> 0).toList()));
    }
  }

  private static void check(Tasker tasker, String point, boolean holds) {
    System.out.println("%d %s: %s".formatted(tasker.rank(), point, holds));
  }

  /** Tasks that leave a note when they begin, so that those can be counted that ran twice. */
  private static void sweep(Tasker tasker, int tasks) throws IOException {
    Path notes = folder.resolve("notes-" + UUID.randomUUID());
    List<String> results =
        tasker.map(
            folder.resolve("sweep.bin"),
            task -> {
              Files.writeString(notes, task + "\n", CREATE, APPEND);
              Thread.sleep(task % 4);
              return "task " + task + " gave " + new SplittableRandom(task).nextLong();
            },
            Tasker.range(tasks));
    System.out.println(tasker.rank() + " has " + results.size());
  }

  /** Task 5 waits for a file: whoever has it can be killed meanwhile. */
  private static void death(Tasker tasker, int tasks) {
    List<Integer> results =
        tasker.map(
            folder.resolve("death.bin"),
            task -> {
              while (task == 5 && !Files.exists(folder.resolve("go"))) {
                Files.writeString(folder.resolve("rank-" + tasker.rank()), "");
                Thread.sleep(5);
              }
              return task + 1;
            },
            Tasker.range(tasks));
    System.out.println(tasker.rank() + " has " + results.stream().mapToInt(x -> x).sum());
  }

  /** The first task waits until it may go on. */
  private static void hold(Tasker tasker) {
    List<Integer> results =
        tasker.map(
            folder.resolve("hold.bin"),
            task -> {
              Files.writeString(folder.resolve("held"), "");
              while (!Files.exists(folder.resolve("go"))) {
                Thread.sleep(5);
              }
              return task;
            },
            Tasker.range(3));
    System.out.println(tasker.rank() + " has " + results);
  }

  /** Tasks that do nothing: what remains is what a task costs. */
  private static void costs(Tasker tasker, int tasks) {
    List<Long> costs = new ArrayList<>();
    for (int round = 0; round < 3; round++) {
      long begin = System.nanoTime();
      tasker.map(folder.resolve("costs" + round), x -> x, Tasker.range(tasks));
      costs.add((System.nanoTime() - begin) / tasks / 1000);
    }
    if (tasker.isRoot()) {
      System.out.println("us a task: " + costs);
    }
  }
}
