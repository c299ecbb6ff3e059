package dev.mpipool.benchmarks.executor;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Runs all contestants in turns and writes what they tell as a table, as CSV, and as plots: {@code
 * bin/bench executor}.
 */
public final class ExecutorBenchmark {

  private final Path home;
  private final Path folder;
  private final Effort effort;
  private final int rounds;
  private final List<String> only;
  private final String parts;
  private final String python = System.getProperty("bench.python", "");
  private final Results results = new Results();
  private final List<String> loads = new ArrayList<>();
  private final long begin = System.nanoTime();

  private ExecutorBenchmark(List<String> options) {
    home = Path.of(System.getProperty("bench.home")).toAbsolutePath();
    folder =
        Path.of(value(options, "--out", home.resolve("benchmarks/target/bench").toString()))
            .toAbsolutePath();
    effort = options.contains("--quick") ? Effort.QUICK : Effort.FULL;
    rounds = Integer.parseInt(value(options, "--rounds", effort == Effort.QUICK ? "1" : "3"));
    String names = value(options, "--only", "");
    parts = value(options, "--parts", "");
    only = names.isEmpty() ? List.of() : Arrays.asList(names.split(",", -1));
  }

  private static String value(List<String> options, String name, String otherwise) {
    int at = options.indexOf(name);
    return at < 0 || at + 1 == options.size() ? otherwise : options.get(at + 1);
  }

  /**
   * Measures.
   *
   * @param args --quick, --rounds N, --out FOLDER, --only CONTESTANTS, --parts NAMES, --docs;
   *     --workers for what main costs with many workers alone
   * @throws Exception if no report can be written
   */
  public static void main(String[] args) throws Exception {
    List<String> options = Arrays.asList(args);
    ExecutorBenchmark benchmark = new ExecutorBenchmark(options);
    boolean workers = options.contains("--workers");
    benchmark.run(workers);
    Report report = new Report(benchmark.results, benchmark.headline());
    String markdown = workers ? report.markdownOfWorkers() : report.markdown();
    Files.writeString(benchmark.folder.resolve("results.csv"), benchmark.results.csv());
    Files.writeString(benchmark.folder.resolve("report.md"), markdown);
    if (options.contains("--docs")) {
      String mode = workers ? "workers" : "executor";
      Report.insert(benchmark.home.resolve("docs/performance.md"), mode, markdown);
    }
    System.out.println(markdown.strip());
  }

  private void run(boolean workers) throws IOException {
    Files.createDirectories(folder);
    Programs programs = new Programs(home, effort, parts, folder);
    for (int round = 1; workers && round <= rounds; round++) {
      run(round, programs.manyWorkers());
    }
    if (workers) {
      return;
    }
    if (python.isEmpty()) {
      results.failed("mpi4py", "left out, it is not installed (--install-peers)");
    }
    for (int round = 1; round <= rounds; round++) {
      for (Programs.Program program : programs.all(python)) {
        if (only.isEmpty() || only.contains(program.contestant())) {
          run(round, program);
        }
      }
    }
  }

  private void run(int round, Programs.Program program) {
    String contestant = program.contestant();
    double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
    loads.add(Results.number(load));
    long start = System.nanoTime();
    Job job = new Job(folder.resolve(contestant + ".log").toFile());
    String end = "ok";
    try {
      long left = effort.runSeconds - TimeUnit.NANOSECONDS.toSeconds(start - begin);
      if (left <= 1) {
        throw new TimeoutException("left out, no time is left; try without --quick");
      }
      int limit = (int) Math.min(left, effort.limitSeconds);
      job.run(contestant, program.helpers(), program.main(), limit);
    } catch (Exception e) {
      end = e.getMessage();
      results.failed(contestant, end);
    }
    job.figures().forEach(figure -> results.add(round, figure));
    System.err.printf(
        Locale.ROOT,
        "round %d, %s: %s, %.0f s, load before %.1f%n",
        round,
        contestant,
        end,
        (System.nanoTime() - start) / 1e9,
        load);
  }

  private String headline() throws IOException {
    return ("%s run of %s, %d round(s) in turns, %d repetitions in each. %d processors (%s), %s %s, %s."
            + " Load average before each program: %s.")
        .formatted(
            effort == Effort.QUICK ? "Quick" : "Full",
            LocalDate.now(ZoneOffset.UTC),
            rounds,
            effort.repetitions,
            Runtime.getRuntime().availableProcessors(),
            field(Path.of("/proc/cpuinfo"), "model name", ":"),
            System.getProperty("java.vm.name"),
            System.getProperty("java.version"),
            field(Path.of("/etc/os-release"), "PRETTY_NAME", "="),
            String.join(", ", loads));
  }

  private static String field(Path file, String name, String separator) throws IOException {
    if (!Files.isReadable(file)) {
      return System.getProperty("os.name");
    }
    return Files.readAllLines(file, StandardCharsets.UTF_8).stream()
        .filter(line -> line.startsWith(name))
        .map(line -> line.substring(line.indexOf(separator) + 1).replace("\"", "").strip())
        .findFirst()
        .orElse(System.getProperty("os.name"));
  }
}
