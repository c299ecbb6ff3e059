package dev.mpipool.benchmarks.executor;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * One program that measures, and the processes that help it. All have ended when it has run: of
 * their own accord, or, after a time limit, by force.
 */
final class Job {

  private final File log;
  private final List<Process> processes = new ArrayList<>();
  private final List<Lines.Figure> figures = new ArrayList<>();

  /**
   * A job.
   *
   * @param log gets what its processes print on their standard error
   */
  Job(File log) {
    this.log = log;
  }

  /**
   * Starts the processes and waits for the end.
   *
   * @param contestant whose start-up time it is, from the first process to the first answer
   * @param helpers commands of processes to start before, each ended by the end of its input
   * @param main the command of the program that measures
   * @param seconds how long it may take
   * @return what it told
   */
  List<Lines.Figure> run(
      String contestant, List<List<String>> helpers, List<String> main, int seconds)
      throws Exception {
    long begin = System.nanoTime();
    Thread alarm = new Thread(() -> endAfter(seconds), "alarm");
    Thread atExit = new Thread(this::end, "end-of-job");
    Runtime.getRuntime().addShutdownHook(atExit);
    try {
      for (List<String> helper : helpers) {
        start(helper).getInputStream().close();
      }
      Process program = start(main);
      alarm.setDaemon(true);
      alarm.start();
      read(program, contestant, begin);
      int code = program.waitFor();
      if (!alarm.isAlive()) {
        throw new TimeoutException(contestant + " has not ended after " + seconds + " s");
      }
      if (code != 0) {
        throw new IOException("%s ended with code %d; see %s".formatted(contestant, code, log));
      }
    } finally {
      alarm.interrupt();
      end();
      Runtime.getRuntime().removeShutdownHook(atExit);
    }
    return figures;
  }

  /** What the job has told so far, also when it has failed. */
  List<Lines.Figure> figures() {
    return figures;
  }

  private Process start(List<String> command) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.appendTo(log));
    builder.environment().put("OMPI_ALLOW_RUN_AS_ROOT", "1");
    builder.environment().put("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    Process process = builder.start();
    synchronized (processes) {
      processes.add(process);
    }
    return process;
  }

  private void read(Process program, String contestant, long begin) throws IOException {
    try (BufferedReader lines = program.inputReader(StandardCharsets.UTF_8)) {
      String line = lines.readLine();
      while (line != null) {
        Lines.parse(line).ifPresent(figure -> note(figure, contestant, begin));
        line = lines.readLine();
      }
    }
  }

  private void note(Lines.Figure figure, String contestant, long begin) {
    if (figure.key().equals(Lines.READY)) {
      double seconds = (System.nanoTime() - begin) / 1e9;
      figures.add(new Lines.Figure(contestant, "startup", seconds));
    } else {
      figures.add(figure);
    }
  }

  private void endAfter(int seconds) {
    try {
      TimeUnit.SECONDS.sleep(seconds);
      end();
    } catch (InterruptedException e) {
      // it has ended in time
    }
  }

  private void end() {
    synchronized (processes) {
      for (Process process : processes) {
        List<ProcessHandle> all = new ArrayList<>(process.descendants().toList());
        all.add(process.toHandle());
        all.forEach(ProcessHandle::destroyForcibly);
      }
    }
  }
}
