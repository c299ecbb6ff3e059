package dev.mpipool.launcher.testing;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/**
 * Runs bin/mpjrun.sh for a test, on the JDK that runs the test.
 *
 * <pre>{@code
 * Mpjrun.Result result = Mpjrun.on("niodev").np(3).options("-tag-output").run(MyProgram.class, "argument");
 * assertThat(result.exitCode()).isZero();
 * assertThat(result.out()).contains("[0] hello");
 * result.assertNothingLeft();
 * }</pre>
 *
 * Every JVM of the job carries a mark on its command line, by which those that are left behind are
 * found, and killed when the test's time is over.
 */
public final class Mpjrun {
  private static final Duration ENDING = Duration.ofSeconds(10);

  private static final Map<String, String> MPIRUN =
      Map.of("openmpi", "mpirun.openmpi", "mpich", "mpirun.mpich");

  private final List<String> options = new ArrayList<>();
  private final Map<String, String> environment = new HashMap<>();
  private final Set<String> unset = new HashSet<>();
  private final String mark = "-Dmpipool.job=" + UUID.randomUUID();
  private Path folder = home();
  private Path script = home().resolve("bin/mpjrun.sh");
  private boolean ownGroup;
  private byte[] input = {};
  private Duration timeout = Duration.ofSeconds(60);
  private String classPath = classes().toString();

  private Mpjrun() {
    environment.put("MPIPOOL_NO_BUILD", "1");
    environment.put("JAVA_HOME", System.getProperty("java.home"));
  }

  /**
   * A job on a device, or on an MPI of this machine: openmpi or mpich. {@code
   * -Dmpipool.test.devices=multicore,tcpdev} skips the tests of others, visibly; so is a test on an
   * MPI that is not installed.
   */
  public static Mpjrun on(String device) {
    String wanted = System.getProperty("mpipool.test.devices", device);
    Assumptions.assumeTrue(List.of(wanted.split(",")).contains(device), "only " + wanted);
    String mpirun = MPIRUN.get(device);
    return mpirun == null ? plain().options("-dev", device) : onMachinesMpi(mpirun);
  }

  private static Mpjrun onMachinesMpi(String mpirun) {
    Assumptions.assumeTrue(isOnPath(mpirun), mpirun + " is not installed");
    Mpjrun run = plain().options("-dev", "native").environment("MPIPOOL_MPIRUN", mpirun);
    return run.environment("JAVA_HOME", newJdk().toString());
  }

  private static boolean isOnPath(String command) {
    return Stream.of(System.getenv("PATH").split(":"))
        .anyMatch(in -> Files.isExecutable(Path.of(in, command)));
  }

  /** A JDK of 22 or later; without one, the test is skipped. */
  public static Path newJdk() {
    Path file = home().resolve("native/target/jdk");
    Assumptions.assumeTrue(Files.isReadable(file), "there is no JDK of 22 or later");
    try {
      return Path.of(Files.readString(file).strip());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A job without any option. */
  public static Mpjrun plain() {
    return new Mpjrun();
  }

  public Mpjrun np(int np) {
    return options("-np", Integer.toString(np));
  }

  /** Options before the class, of mpjrun.sh or of the JVM. */
  public Mpjrun options(String... more) {
    options.addAll(List.of(more));
    return this;
  }

  public Mpjrun environment(String name, String value) {
    environment.put(name, value);
    return this;
  }

  /** Takes a variable out of the environment. */
  public Mpjrun unset(String name) {
    unset.add(name);
    return this;
  }

  /** What main's rank finds on its standard input; by default, nothing. */
  public Mpjrun input(String text) {
    input = text.getBytes(UTF_8);
    return this;
  }

  /** The folder in which the command is typed; by default, the clone. */
  public Mpjrun folder(Path in) {
    folder = in;
    return this;
  }

  /** Has the job run in a process group of its own, as a terminal's shell does. */
  public Mpjrun ownGroup() {
    ownGroup = true;
    return this;
  }

  /** Another path to mpjrun.sh, such as a symbolic link. */
  public Mpjrun script(Path path) {
    script = path;
    return this;
  }

  /** The class path of the program, instead of that of the tests. */
  public Mpjrun classPath(String path) {
    classPath = path;
    return this;
  }

  /** After this time (60 s by default) every process of the job is killed and the test fails. */
  public Mpjrun timeout(Duration longest) {
    timeout = longest;
    return this;
  }

  /** Runs a program of the tests to its end. */
  public Result run(Class<?> program, String... arguments) {
    return start(program, arguments).result();
  }

  /** Starts a program of the tests. */
  public Running start(Class<?> program, String... arguments) {
    List<String> rest = new ArrayList<>(List.of("-cp", classPath, mark, program.getName()));
    rest.addAll(List.of(arguments));
    return command(rest);
  }

  /** Runs a command line as it stands, after the options. */
  public Result runCommand(String... arguments) {
    return startCommand(arguments).result();
  }

  /** Starts a command line as it stands, after the options; the mark goes before it. */
  public Running startCommand(String... arguments) {
    List<String> rest = new ArrayList<>(List.of(mark));
    rest.addAll(List.of(arguments));
    return command(rest);
  }

  private Running command(List<String> rest) {
    List<String> command = new ArrayList<>();
    if (ownGroup) {
      command.add("setsid");
    }
    if (isInterruptIgnored()) { // a build in a shell's background has it so, and its children
      command.addAll(List.of("env", "--default-signal=INT"));
    }
    command.add(script.toString());
    command.addAll(options);
    command.addAll(rest);
    ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
    builder
        .environment()
        .keySet()
        .removeAll(List.of("CLASSPATH", "JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS"));
    builder.environment().putAll(environment);
    builder.environment().keySet().removeAll(unset);
    try {
      return new Running(this, builder.start());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static boolean isInterruptIgnored() {
    try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
      return lines
          .filter(line -> line.startsWith("SigIgn:"))
          .anyMatch(line -> (Long.parseUnsignedLong(line.substring(7).strip(), 16) & 2) != 0);
    } catch (IOException e) {
      return false; // not Linux
    }
  }

  /** The folder of the clone. */
  public static Path home() {
    return classes().getParent().getParent().getParent();
  }

  /** The folder of the tests' classes. */
  public static Path classes() {
    try {
      return Path.of(Mpjrun.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A job that has been started. */
  public static final class Running {
    private final Mpjrun job;
    private final Process process;
    private final Collection<String> out = new ConcurrentLinkedQueue<>();
    private final Collection<String> err = new ConcurrentLinkedQueue<>();
    private final long begin = System.nanoTime();
    private final List<Thread> readers;

    private Running(Mpjrun job, Process process) throws IOException {
      this.job = job;
      this.process = process;
      readers =
          List.of(reader(process.getInputStream(), out), reader(process.getErrorStream(), err));
      try (OutputStream in = process.getOutputStream()) {
        in.write(job.input);
      } catch (IOException e) {
        // It has ended already, and the result will tell why.
      }
    }

    /** The launcher's own process. */
    public ProcessHandle launcher() {
      return process.toHandle();
    }

    /** The processes of the job besides the launcher, in the order in which they started. */
    public List<ProcessHandle> ranks() {
      return job.marked().stream()
          .filter(handle -> handle.pid() != process.pid())
          .sorted()
          .toList();
    }

    /** The process of a rank of a job whose ranks are processes. */
    public ProcessHandle rank(int rank) {
      return ranks().stream()
          .filter(handle -> commandLine(handle.pid()).contains("-Dmpipool.rank=" + rank))
          .findFirst()
          .orElseThrow(() -> new AssertionError("no process of rank " + rank));
    }

    public List<String> out() {
      return List.copyOf(out);
    }

    public List<String> err() {
      return List.copyOf(err);
    }

    /** Open MPI's launcher explains each exit code other than 0, between two lines. */
    private static List<String> withoutExplanations(List<String> lines) {
      List<String> rest = new ArrayList<>();
      boolean explains = false;
      for (String line : lines) {
        boolean border = line.matches("-{70,}");
        explains ^= border;
        if (!explains && !border) {
          rest.add(line);
        }
      }
      return rest;
    }

    /** Waits until a line of standard output contains a text. */
    public Running awaitLine(String text) {
      await("a line with \"" + text + "\"")
          .atMost(job.timeout)
          .pollInterval(Duration.ofMillis(20))
          .until(() -> out.stream().anyMatch(line -> line.contains(text)));
      return this;
    }

    /** Waits until the line has come from so many ranks. */
    public Running awaitLines(String text, int times) {
      await(times + " lines with \"" + text + "\"")
          .atMost(job.timeout)
          .pollInterval(Duration.ofMillis(20))
          .until(() -> out.stream().filter(line -> line.contains(text)).count() >= times);
      return this;
    }

    /** Sends a signal, by name, to a process. */
    public Running signal(String name, ProcessHandle to) {
      return signal(name, Long.toString(to.pid()));
    }

    /** Sends a signal to all processes of the job's {@link #ownGroup()}, as a terminal does. */
    public Running signalGroup(String name) {
      return signal(name, "-" + process.pid());
    }

    private Running signal(String name, String to) {
      try {
        int code = new ProcessBuilder("kill", "-" + name, "--", to).start().waitFor();
        assertThat(code).as("kill -%s %s", name, to).isZero();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      return this;
    }

    /** Waits for the end, and ends everything by force when the time is over. */
    public Result result() {
      try {
        boolean ended = process.waitFor(job.timeout.toMillis(), TimeUnit.MILLISECONDS);
        Duration took = Duration.ofNanos(System.nanoTime() - begin);
        if (!ended) {
          killAll();
          throw new AssertionError("not ended after " + took + "\nout: " + out + "\nerr: " + err);
        }
        for (Thread reader : readers) {
          reader.join(ENDING.toMillis());
        }
        List<String> told =
            job.environment.containsKey("MPIPOOL_MPIRUN") ? withoutExplanations(err()) : err();
        return new Result(job, process.exitValue(), out(), told, took);
      } catch (InterruptedException e) {
        killAll();
        throw new IllegalStateException(e);
      }
    }

    /** Kills whatever is left of the job. */
    public void killAll() {
      process.destroyForcibly();
      job.marked().forEach(ProcessHandle::destroyForcibly);
    }

    /** Fails, and kills them, if processes of the job are still there after a time. */
    public void assertNothingLeft(Duration within) {
      job.assertNothingLeft(within);
    }

    private static Thread reader(InputStream from, Collection<String> to) {
      Thread thread =
          new Thread(
              () -> {
                try (Stream<String> lines =
                    new java.io.BufferedReader(new java.io.InputStreamReader(from, UTF_8))
                        .lines()) {
                  lines.forEach(to::add);
                } catch (UncheckedIOException e) {
                  // The process was killed.
                }
              });
      thread.setDaemon(true);
      thread.start();
      return thread;
    }
  }

  /** A job that has ended. */
  public record Result(
      Mpjrun job, int exitCode, List<String> out, List<String> err, Duration took) {
    /** Fails, and kills them, if processes of the job are still there. */
    public Result assertNothingLeft() {
      job.assertNothingLeft(Duration.ZERO);
      return this;
    }

    /** Fails with the job's whole output if the exit code is another. */
    public Result assertExitCode(int expected) {
      assertThat(exitCode).as("exit code; out: %s%nerr: %s", out, err).isEqualTo(expected);
      return this;
    }
  }

  private void assertNothingLeft(Duration within) {
    long end = System.nanoTime() + within.toNanos();
    List<ProcessHandle> left = marked();
    while (!left.isEmpty() && System.nanoTime() < end) {
      left.forEach(
          handle -> {
            try {
              handle.onExit().get(Math.max(1, end - System.nanoTime()), TimeUnit.NANOSECONDS);
            } catch (Exception e) {
              // Still there: the next look tells.
            }
          });
      left = marked();
    }
    List<String> lines =
        left.stream().map(handle -> handle.pid() + " " + commandLine(handle.pid())).toList();
    left.forEach(ProcessHandle::destroyForcibly);
    assertThat(lines).as("processes that the job left behind").isEmpty();
  }

  private List<ProcessHandle> marked() {
    return ProcessHandle.allProcesses()
        .filter(handle -> commandLine(handle.pid()).contains(mark))
        .toList();
  }

  private static List<String> commandLine(long pid) {
    try {
      return List.of(Files.readString(Path.of("/proc/" + pid + "/cmdline"), UTF_8).split("\0", -1));
    } catch (IOException e) {
      return List.of(); // ended meanwhile
    }
  }
}
