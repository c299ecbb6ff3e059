package dev.mpipool.examples;

import dev.mpipool.MPIExecutor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

/**
 * Counts the words of text files, those in folders included: each file is a task. A word is what
 * stands between white space. Arguments: files and folders.
 */
public final class WordCount {

  private WordCount() {}

  /** The words of one file, and how often each occurs. */
  private static Map<String, Long> count(String file) throws IOException {
    String text = new String(Files.readAllBytes(Path.of(file)), StandardCharsets.UTF_8);
    Map<String, Long> counts = new HashMap<>();
    for (String word : text.split("\\s+", -1)) {
      if (!word.isEmpty()) {
        counts.merge(word, 1L, Long::sum);
      }
    }
    return counts;
  }

  private static List<String> files(String[] names) throws IOException {
    List<String> files = new ArrayList<>();
    for (String name : names) {
      try (Stream<Path> found = Files.walk(Path.of(name))) {
        found
            .filter(file -> Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))
            .map(Path::toString)
            .forEach(files::add);
      }
    }
    return files;
  }

  public static void main(String[] args) {
    MPIExecutor.run(
        args,
        (executor, arguments) -> {
          List<String> files = files(arguments);
          List<CompletableFuture<Map<String, Long>>> tasks =
              files.stream().map(file -> executor.submit(WordCount::count, file)).toList();

          Map<String, Long> total = new HashMap<>();
          for (CompletableFuture<Map<String, Long>> task : tasks) {
            task.get().forEach((word, n) -> total.merge(word, n, Long::sum));
          }

          long words = total.values().stream().mapToLong(n -> n).sum();
          System.out.printf("%d words in %d files%n", words, files.size());
          total.entrySet().stream()
              .sorted(Map.Entry.<String, Long>comparingByValue().reversed())
              .limit(10)
              .forEach(entry -> System.out.printf("%8d %s%n", entry.getValue(), entry.getKey()));
        });
  }
}
