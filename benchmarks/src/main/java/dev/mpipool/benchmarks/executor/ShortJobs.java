package dev.mpipool.benchmarks.executor;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Short jobs, from the command to its end, in turns: on a quiet machine, and beside two processes
 * that spin. Then, how long a job takes to reach half of its full speed.
 */
public final class ShortJobs {

  private static final String SUM = "20200110000";
  private static final String PACKAGE = ShortJobs.class.getPackageName() + ".";
  private static final int LIMIT_SECONDS = 60;
  private static final int SPINNING = 2;

  private final Effort effort;
  private final Path home;
  private final Map<String, List<String>> jobs = new LinkedHashMap<>();

  private ShortJobs(Effort effort, Path home, List<String> mpi4py) {
    this.effort = effort;
    this.home = home;
    for (String device : List.of("tcpdev", "multicore")) {
      jobs.put(device, ours(device, "ShortJob"));
    }
    if (!mpi4py.isEmpty()) {
      jobs.put("mpi4py", mpi4py);
    }
  }

  /**
   * Measures.
   *
   * @param args the effort, mpipool's folder, and the command of mpi4py's job
   * @throws Exception if a job fails, or has not ended in time
   */
  public static void main(String[] args) throws Exception {
    List<String> all = List.of(args);
    new ShortJobs(Effort.of(args), Path.of(args[1]), all.subList(2, all.size())).measure();
  }

  private void measure() throws Exception {
    inTurns("short.quiet");
    List<Process> spinning = new ArrayList<>();
    try {
      for (int i = 0; i < SPINNING; i++) {
        spinning.add(new ProcessBuilder("sh", "-c", "while kill -0 $PPID; do :; done").start());
      }
      inTurns("short.busy");
    } finally {
      spinning.forEach(Process::destroyForcibly);
    }
    boolean quick = effort == Effort.QUICK;
    int seconds = quick ? 6 : 20;
    for (String device : quick ? List.of("tcpdev") : List.of("tcpdev", "multicore")) {
      List<String> command = new ArrayList<>(ours(device, "HalfSpeed"));
      command.addAll(List.of(device, String.valueOf(seconds)));
      System.out.print(run(command));
      System.out.flush();
    }
  }

  private void inTurns(String key) throws Exception {
    int times = effort == Effort.QUICK ? 1 : effort.repetitions;
    for (int i = 0; i < times; i++) {
      for (Map.Entry<String, List<String>> job : jobs.entrySet()) {
        long begin = System.nanoTime();
        String said = run(job.getValue()).strip();
        if (!said.equals(SUM)) {
          throw new IOException(job.getKey() + " has said " + said);
        }
        Lines.print(job.getKey(), key, (System.nanoTime() - begin) / 1e9);
      }
    }
  }

  private List<String> ours(String device, String program) {
    return List.of(
        home.resolve("bin/mpjrun.sh").toString(),
        "-np",
        String.valueOf(1 + Contestant.WORKERS),
        "-dev",
        device,
        "-cp",
        home.resolve("benchmarks/target/classes").toString(),
        PACKAGE + program);
  }

  /** Runs a command to its end, and returns what it has said. */
  private static String run(List<String> command) throws Exception {
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
    builder.environment().put("MPIPOOL_NO_BUILD", "1");
    Process process = builder.start();
    process
        .onExit()
        .orTimeout(LIMIT_SECONDS, TimeUnit.SECONDS)
        .exceptionally(late -> process.destroyForcibly()); // then its output ends too
    process.getOutputStream().close();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
      throw new IOException(command + " has failed");
    }
    return said;
  }
}
