package dev.mpipool.benchmarks.executor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** A run's figures as Markdown. */
final class Report {

  private static final String BEGIN = "<!-- bin/bench %s: begin -->";
  private static final String END = "<!-- bin/bench %s: end -->";

  private static final Map<String, String> CONTESTANTS = new LinkedHashMap<>();
  private static final Map<String, String> MEASURES = new LinkedHashMap<>();
  private static final Map<String, String> RAW = new LinkedHashMap<>();
  private static final Map<String, String> MAIN = new LinkedHashMap<>();
  private static final Map<String, String> ROWS = new LinkedHashMap<>();
  private static final Map<String, String> KINDS = new LinkedHashMap<>();

  static {
    CONTESTANTS.put("tcpdev", "mpipool, tcpdev");
    CONTESTANTS.put("niodev", "mpipool, niodev");
    CONTESTANTS.put("multicore", "mpipool, multicore");
    CONTESTANTS.put("openmpi", "mpipool, Open MPI");
    CONTESTANTS.put("mpich", "mpipool, MPICH");
    CONTESTANTS.put("jdk", "ThreadPoolExecutor");
    CONTESTANTS.put("hazelcast", "Hazelcast");
    CONTESTANTS.put("ignite", "Ignite");
    CONTESTANTS.put("mpi4py", "mpi4py.futures");
    MEASURES.put("throughput", "null tasks (1/s)");
    MEASURES.put("throughput8", "null tasks, 8 threads submit (1/s)");
    MEASURES.put("map", "`map` over a million items (1/s)");
    MEASURES.put("roundtrip", "round trip, median (us)");
    MEASURES.put("roundtrip.p99", "round trip, 99th of 100 (us)");
    MEASURES.put("payload.1MB", "1 MB there and back (MB/s)");
    MEASURES.put("payload.64MB", "64 MB there and back (MB/s)");
    MEASURES.put("payload.doubles", "64 MB of `double[]` there and back (MB/s)");
    MEASURES.put("broadcast.first", "broadcast of 200 MB, the first time (ms)");
    MEASURES.put("broadcast", "broadcast of 200 MB (ms)");
    MEASURES.put("broadcast.copies", "as many copies of 200 MB in main's memory (ms)");
    MEASURES.put("metg", "METG(50 %) (us)");
    MEASURES.put("mixed", "mixed lengths, over greedy");
    MEASURES.put("mixed.real", "the same, over greedy of the lengths the tasks really had");
    MEASURES.put("idle.main", "CPU of main, idle (%)");
    MEASURES.put("idle.worker", "CPU of a worker, idle (%)");
    MEASURES.put("startup", "from the command to the first result (s)");
    MEASURES.put("short.quiet", "a short job, from the command to its end (s)");
    MEASURES.put("short.busy", "the same beside two processes that spin (s)");
    MEASURES.put("half", "from the start of main's process to half of full speed (s)");
    RAW.put("roundtrip", "round trip, 32 bytes (us)");
    RAW.put("stream", "stream each way, 32 bytes (messages/s)");
    RAW.put("payload.1MB", "1 MB there and back (MB/s)");
    RAW.put("payload.64MB", "64 MB there and back (MB/s)");
    ArrayRows.SHAPES.forEach(
        (length, count) -> {
          String shape = "%,d x `double[%d]`".formatted(count, length);
          ROWS.put("rows." + length + ".scalar", shape + ", to a number");
          ROWS.put("rows." + length + ".array", shape + ", to a row");
        });
    ArrayRows.KINDS.keySet().forEach(kind -> KINDS.put("kind." + kind, "`" + kind + "`"));
    for (int workers : ManyWorkers.WORKERS) {
      addCost(String.valueOf(workers), "%,d simulated workers".formatted(workers));
    }
    String most = "%,d simulated workers".formatted(ManyWorkers.MOST);
    addCost(String.valueOf(ManyWorkers.MOST), most);
    addCost(ManyWorkers.MOST + ".alone", most + ", each task a message of its own");
    MAIN.put("memory.worker", "heap of one of " + most + " (bytes)");
    for (int workers : ManyWorkers.LOSING) {
      String what = "a tenth of %,d busy simulated workers is lost, ".formatted(workers);
      String until = ": until all tasks are done (s)";
      MAIN.put("loss.%d.reported".formatted(workers), what + "which is reported" + until);
      MAIN.put("loss.%d.silent".formatted(workers), what + "found by their silence" + until);
    }
    MAIN.put("memory.null", "heap of a queued task that captures nothing (bytes)");
    MAIN.put("memory.long", "heap of a queued task that captures a long (bytes)");
  }

  private final Results results;
  private final String headline;

  /**
   * A report.
   *
   * @param headline what was run, where and when
   */
  Report(Results results, String headline) {
    this.results = results;
    this.headline = headline;
  }

  private static void addCost(String key, String workers) {
    MAIN.put("cost." + key, "processor time per task, " + workers + " (us)");
    MAIN.put("wall." + key, "time per task, " + workers + " (us)");
  }

  /** What main's side costs with many workers, for a run of that alone. */
  String markdownOfWorkers() {
    Map<String, String> measured = new LinkedHashMap<>(MAIN);
    measured.keySet().removeIf(key -> results.median(ManyWorkers.NAME, key).isEmpty());
    String failures =
        results.failures().values().stream()
            .map("**%s**\n"::formatted)
            .collect(Collectors.joining());
    return String.join(
            "\n\n",
            headline,
            new Aims(results).tableOfWorkers(),
            "Medians, and in parentheses the least and the most:",
            table(measured, Map.of(ManyWorkers.NAME, "mpipool")),
            failures)
        .strip();
  }

  String markdown() {
    List<String> parts = new ArrayList<>();
    parts.add(headline);
    parts.add(new Aims(results).table());
    parts.add("Medians, and in parentheses the least and the most:");
    parts.add(table(MEASURES, CONTESTANTS));
    parts.add("mpi4py's `map`, by chunk size (items/s): " + chunks());
    parts.add("`map` over rows of doubles, each row an element (ms):");
    parts.add(table(ROWS, rowsOf()));
    parts.add("`map` over 1,600 elements of 80,000 bytes each, to a number (ms):");
    parts.add(table(KINDS, rowsOf()));
    parts.add(
        "The limit, messages without an executor: MPJ Express in the same jobs, and Open MPI under"
            + " mpi4py:");
    Map<String, String> raw = new LinkedHashMap<>();
    for (String device : List.of("tcpdev", "niodev", "multicore")) {
      raw.put("raw-" + device, "raw, " + device);
    }
    raw.put("raw-openmpi", "raw, Open MPI");
    parts.add(table(RAW, raw));
    parts.add("Main alone:");
    parts.add(table(MAIN, Map.of(ManyWorkers.NAME, "mpipool")));
    results
        .failures()
        .forEach((contestant, why) -> parts.add("**%s: %s**".formatted(contestant, why)));
    return String.join("\n\n", parts) + "\n";
  }

  /** The contestants with a way for many items. */
  private static Map<String, String> rowsOf() {
    Map<String, String> some = new LinkedHashMap<>(CONTESTANTS);
    some.keySet().removeAll(List.of("jdk", "hazelcast", "ignite"));
    return some;
  }

  private String table(Map<String, String> measures, Map<String, String> contestants) {
    List<String> rows = new ArrayList<>();
    rows.add("| measure | " + String.join(" | ", contestants.values()) + " |");
    rows.add("| --- |" + " --- |".repeat(contestants.size()));
    measures.forEach(
        (key, name) ->
            rows.add(
                contestants.keySet().stream()
                    .map(contestant -> results.cell(contestant, key))
                    .collect(Collectors.joining(" | ", "| " + name + " | ", " |"))));
    return String.join("\n", rows);
  }

  private String chunks() {
    List<String> found = new ArrayList<>();
    for (int chunk = 1; chunk <= 10_000; chunk *= 10) {
      found.add("%d: %s".formatted(chunk, results.cell("mpi4py", "map." + chunk)));
    }
    return String.join("; ", found);
  }

  /**
   * Puts the report into a page, in place of the one before.
   *
   * @param mode of {@code bin/bench}
   */
  static void insert(Path page, String mode, String markdown) throws IOException {
    String text = Files.readString(page);
    String first = BEGIN.formatted(mode);
    String last = END.formatted(mode);
    int begin = text.indexOf(first);
    int end = text.indexOf(last);
    if (begin < 0 || end < begin) {
      throw new IOException("%s has no lines %s and %s".formatted(page, first, last));
    }
    Files.writeString(
        page,
        text.substring(0, begin + first.length())
            + "\n\n"
            + markdown.strip()
            + "\n\n"
            + text.substring(end));
  }
}
