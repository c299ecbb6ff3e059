package dev.mpipool.benchmarks.device;

import dev.mpipool.device.Ranks;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Measures niodev and tcpdev in turns (A B A B ...) and Open MPI over TCP where mpi4py is
 * installed, and prints a table of medians and their ratios: {@code bin/bench device [ROUNDS]}.
 */
public final class DeviceBenchmark {

  private static final Duration LIMIT = Duration.ofMinutes(3);
  private static final Pattern LINE = Pattern.compile("(?m)^= (.*) = ([0-9.]+)$");
  private static final List<String> DEVICES = List.of("niodev", "tcpdev");
  private static final int INIT_RANKS = 16;

  /** What the issue asked for, by measure: the ratio, and whether less is better. */
  private record Aim(double ratio, boolean less) {}

  private static final Map<String, Aim> AIMS = new LinkedHashMap<>();

  static {
    AIMS.put("half round trip, 1 B (us)", new Aim(0.4, true));
    AIMS.put("half round trip, 1 kB (us)", new Aim(0.4, true));
    AIMS.put("half round trip, 64 kB (us)", null);
    AIMS.put("bandwidth, 1 MB (MB/s)", new Aim(4, false));
    AIMS.put("bandwidth, 16 MB (MB/s)", new Aim(4, false));
    AIMS.put("small messages, stream each way (1/s)", new Aim(5, false));
    AIMS.put("CPU of an idle rank (%)", new Aim(1, true));
    AIMS.put("MPI.Init of 16 ranks (ms)", new Aim(1, true));
  }

  private final Map<String, Map<String, List<Double>>> values = new TreeMap<>();

  private DeviceBenchmark() {}

  /**
   * Runs all measures.
   *
   * @param args the rounds (3 if not given), then, optionally, the program for mpi4py and the
   *     Python for it
   * @throws Exception if a job does not end, or fails
   */
  public static void main(String[] args) throws Exception {
    int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 3;
    DeviceBenchmark benchmark = new DeviceBenchmark();
    for (int round = 0; round < rounds; round++) {
      for (String device : DEVICES) {
        for (String measure : List.of("latency", "bandwidth", "stream", "idle")) {
          benchmark.measure(device, 2, measure);
        }
        benchmark.measure(device, INIT_RANKS, "init");
      }
      if (args.length > 2) {
        benchmark.openMpi(Path.of(args[1]), args[2]);
      }
    }
    benchmark.print(rounds);
  }

  private void measure(String device, int ranks, String measure) throws Exception {
    Ranks.Spec spec =
        Ranks.of(ranks, Measures.class)
            .device(device)
            .options(ranks == 2 ? "-Xmx2g" : "-Xmx128m")
            .arguments(measure);
    try (Ranks job = spec.start()) {
      job.await(LIMIT);
      note(device, job.output());
    }
  }

  private void openMpi(Path program, String python) throws IOException, InterruptedException {
    List<String> command =
        List.of(
            "mpirun",
            "--allow-run-as-root",
            "--oversubscribe",
            "-np",
            "2",
            "--mca",
            "btl",
            "tcp,self",
            "--mca",
            "pml",
            "ob1",
            python,
            program.toString());
    Path output = Files.createTempFile("openmpi", ".txt");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
      if (process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS) && process.exitValue() == 0) {
        note("Open MPI", Files.readString(output, StandardCharsets.UTF_8));
      }
      process.destroyForcibly();
    } finally {
      Files.delete(output);
    }
  }

  private void note(String device, String output) {
    Matcher m = LINE.matcher(output);
    int found = 0;
    while (m.find()) {
      values
          .computeIfAbsent(m.group(1), k -> new TreeMap<>())
          .computeIfAbsent(device, k -> new ArrayList<>())
          .add(Double.valueOf(m.group(2)));
      System.err.println(device + ": " + m.group(1) + " " + m.group(2));
      found++;
    }
    if (found == 0) {
      throw new IllegalStateException("nothing measured with " + device + ":\n" + output);
    }
  }

  private void print(int rounds) {
    System.out.printf(
        Locale.ROOT,
        "Medians of %d rounds of niodev and tcpdev in turns, Java %s, %d processors.%n%n",
        rounds,
        System.getProperty("java.version"),
        Runtime.getRuntime().availableProcessors());
    System.out.println("| measure | niodev | tcpdev | ratio | aim | reached | Open MPI, TCP |");
    System.out.println("| --- | --- | --- | --- | --- | --- | --- |");
    AIMS.forEach(this::printRow);
  }

  private void printRow(String measure, Aim aim) {
    Map<String, List<Double>> of = values.getOrDefault(measure, Map.of());
    double nio = median(of.get("niodev"));
    double tcp = median(of.get("tcpdev"));
    double ratio = tcp / nio;
    String wanted = aim == null ? "" : (aim.less ? "at most " : "at least ") + aim.ratio + " x";
    String reached =
        aim == null ? "" : (aim.less ? ratio <= aim.ratio : ratio >= aim.ratio) ? "yes" : "no";
    double open = median(of.get("Open MPI"));
    System.out.printf(
        Locale.ROOT,
        "| %s | %.2f | %.2f | %.2f x | %s | %s | %s |%n",
        measure,
        nio,
        tcp,
        ratio,
        wanted,
        reached,
        Double.isNaN(open) ? "" : String.format(Locale.ROOT, "%.2f", open));
  }

  private static double median(List<Double> all) {
    if (all == null || all.isEmpty()) {
      return Double.NaN;
    }
    List<Double> sorted = all.stream().sorted().toList();
    int n = sorted.size();
    return (sorted.get((n - 1) / 2) + sorted.get(n / 2)) / 2;
  }
}
