package dev.mpipool.device;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A job of several JVMs on this machine, with the few lines of bootstrap that MPJ Express' daemons
 * would do.
 */
public final class Ranks implements AutoCloseable {

  private final List<Process> processes = new ArrayList<>();
  private final List<Path> outputs = new ArrayList<>();
  private final int[] ports;
  private final ServerSocket server;

  private Ranks(int size) throws IOException {
    ports = new int[size];
    server = new ServerSocket(0, size, InetAddress.getLoopbackAddress());
  }

  /** What to start and how. */
  public static final class Spec {
    private final int size;
    private final String main;
    private String device = "tcpdev";
    private String secret = "5eed5eed5eed5eed";
    private String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    private List<String> options = List.of();
    private List<String> arguments = List.of();

    private Spec(int size, String main) {
      this.size = size;
      this.main = main;
    }

    /** Uses niodev or tcpdev. */
    public Spec device(String name) {
      device = name;
      return this;
    }

    /** Null for none. */
    public Spec secret(String text) {
      secret = text;
      return this;
    }

    /** Uses another JDK than this one. */
    public Spec java(String command) {
      java = command;
      return this;
    }

    /** Options of the JVMs. */
    public Spec options(String... words) {
      options = List.of(words);
      return this;
    }

    /** Arguments of the program. */
    public Spec arguments(String... words) {
      arguments = List.of(words);
      return this;
    }

    /** Starts the ranks. */
    public Ranks start() throws IOException {
      Ranks ranks = new Ranks(size);
      Thread bootstrap = new Thread(ranks::bootstrap, "bootstrap");
      bootstrap.setDaemon(true);
      bootstrap.start();
      for (int r = 0; r < size; r++) {
        ranks.start(this, r);
      }
      return ranks;
    }
  }

  /** Begins to describe a job. */
  public static Spec of(int size, Class<?> main) {
    return new Spec(size, main.getName());
  }

  /** Begins to describe a job whose main is not on this class path. */
  public static Spec of(int size, String main) {
    return new Spec(size, main);
  }

  private void start(Spec spec, int rank) throws IOException {
    String configuration =
        "#temp;#Number of Processes;"
            + spec.size
            + ";#Protocol Switch Limit;131072;#Server Name;127.0.0.1;#Server Port;"
            + server.getLocalPort();
    List<String> command = new ArrayList<>(List.of(spec.java, "-cp", classPath()));
    command.addAll(spec.options);
    command.add(RankMain.class.getName());
    command.addAll(List.of(spec.main, Integer.toString(rank), configuration));
    command.add(spec.device);
    command.addAll(spec.arguments);
    Path output = Files.createTempFile("rank" + rank + "-", ".txt");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile());
    builder.environment().put("MPJ_HOME", mpjHome().toString());
    if (spec.secret != null) {
      builder.environment().put("MPIPOOL_SECRET", spec.secret);
    }
    processes.add(builder.start());
    outputs.add(output);
  }

  private static String classPath() {
    String own = System.getProperty("java.class.path");
    Path lib = mpjHome().resolve("lib");
    String log4j = lib.resolve("log4j-1.2.jar").toString();
    return String.join(File.pathSeparator, own, lib.resolve("mpj.jar").toString(), log4j);
  }

  /** MPJ_HOME, or what the build has assembled. */
  static Path mpjHome() {
    String given = System.getenv("MPJ_HOME");
    if (given != null) {
      return Path.of(given);
    }
    for (Path p = Path.of("").toAbsolutePath(); p != null; p = p.getParent()) {
      if (Files.isDirectory(p.resolve(".mpj/home"))) {
        return p.resolve(".mpj/home");
      }
    }
    throw new IllegalStateException("no MPJ_HOME; bin/setup-mpj.sh makes one");
  }

  private void bootstrap() {
    List<Socket> sockets = new ArrayList<>();
    String[] peers = new String[ports.length];
    try (server) {
      for (int i = 0; i < ports.length; i++) {
        Socket socket = server.accept();
        sockets.add(socket);
        DataInputStream in = new DataInputStream(socket.getInputStream());
        in.readUTF();
        int writePort = in.readInt();
        int readPort = in.readInt();
        int rank = in.readInt();
        ports[rank] = readPort;
        peers[rank] = ";127.0.0.1@" + readPort + "@" + writePort + "@" + rank + "@0";
      }
      for (Socket socket : sockets) {
        new DataOutputStream(socket.getOutputStream())
            .writeUTF("#Peer Information" + String.join("", peers));
        socket.close();
      }
    } catch (IOException e) {
      // The job was closed before all ranks came.
    }
  }

  /** The port a rank listens on, once it has told. */
  public int port(int rank) {
    return ports[rank];
  }

  /** Ends a rank's process as SIGKILL does. */
  public void kill(int rank) {
    processes.get(rank).destroyForcibly();
  }

  /** A rank's process. */
  public Process process(int rank) {
    return processes.get(rank);
  }

  /** What a rank has printed so far. */
  public String output(int rank) {
    try {
      return Files.readString(outputs.get(rank));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Everything that all ranks have printed. */
  public String output() {
    StringBuilder all = new StringBuilder();
    for (int r = 0; r < outputs.size(); r++) {
      all.append("--- rank ").append(r).append('\n').append(output(r));
    }
    return all.toString();
  }

  /** Waits for a line that contains the text. */
  public void awaitOutput(int rank, String text, Duration limit) throws InterruptedException {
    Pattern pattern = Pattern.compile(Pattern.quote(text));
    long end = System.nanoTime() + limit.toNanos();
    for (Matcher m = pattern.matcher(output(rank)); !m.find(); m = pattern.matcher(output(rank))) {
      if (System.nanoTime() > end) {
        throw new AssertionError("rank " + rank + " did not print '" + text + "'\n" + output());
      }
      Thread.sleep(5);
    }
  }

  /**
   * Waits for the ends of all processes; returns their exit codes, or fails with what they have
   * printed.
   */
  public List<Integer> await(Duration limit) throws InterruptedException {
    long end = System.nanoTime() + limit.toNanos();
    List<Integer> codes = new ArrayList<>();
    for (int r = 0; r < processes.size(); r++) {
      if (!processes.get(r).waitFor(end - System.nanoTime(), TimeUnit.NANOSECONDS)) {
        throw new AssertionError("rank " + r + " did not end in " + limit + "\n" + output());
      }
      codes.add(processes.get(r).exitValue());
    }
    return codes;
  }

  @Override
  public void close() throws IOException {
    server.close();
    for (Process p : processes) {
      p.destroyForcibly();
    }
    for (Path output : outputs) {
      Files.deleteIfExists(output);
    }
  }

  /**
   * For the command line: {@code <size> <device> <main> <arguments>}; prints what the ranks print.
   */
  public static void main(String[] args) throws Exception {
    List<String> rest = List.of(args).subList(3, args.length);
    List<String> options = List.of(System.getProperty("ranks.options", "-Xmx2g").split(" "));
    Spec spec =
        of(Integer.parseInt(args[0]), args[2])
            .device(args[1])
            .options(options.toArray(String[]::new))
            .arguments(rest.toArray(String[]::new));
    try (Ranks ranks = spec.start()) {
      Runtime.getRuntime()
          .addShutdownHook(new Thread(() -> ranks.processes.forEach(Process::destroyForcibly)));
      List<Integer> codes;
      try {
        codes = ranks.await(Duration.ofSeconds(Integer.getInteger("ranks.limit", 60)));
      } catch (AssertionError e) {
        System.out.println(e.getMessage());
        System.exit(124);
        return;
      }
      System.out.print(ranks.output());
      System.out.println("exit codes " + codes);
    }
  }
}
