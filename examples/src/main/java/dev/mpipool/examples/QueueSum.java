package dev.mpipool.examples;

import dev.mpipool.queue.QueuePool;
import dev.mpipool.queue.Scheduler;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Sums of many numbers, each in a job of the cluster's batch queue; where there is no queue, in a
 * process of this machine. Starts without a launcher. Arguments: how many sums (default: 6), how
 * many chunks (default: one a sum).
 */
public final class QueueSum {

  private QueueSum() {}

  private static long sum(List<Integer> numbers) {
    return numbers.stream().mapToLong(Integer::longValue).sum();
  }

  public static void main(String[] args) {
    int size = args.length > 0 ? Integer.parseInt(args[0]) : 6;
    int chunks = args.length > 1 ? Integer.parseInt(args[1]) : size;
    Scheduler scheduler = Scheduler.detect();
    System.out.printf("%d sums in %d jobs on %s%n", size, chunks, scheduler);

    List<List<Integer>> tasks =
        IntStream.rangeClosed(1, size)
            .mapToObj(last -> IntStream.rangeClosed(1, 1000 * last).boxed().toList())
            .toList();
    List<Long> sums = QueuePool.builder(scheduler).chunks(chunks).build().map(QueueSum::sum, tasks);

    for (int i = 0; i < size; i++) {
      System.out.printf("1 + ... + %d = %d%n", 1000 * (i + 1), sums.get(i));
    }
  }
}
