package dev.mpipool.ranks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.launcher.testing.Mpjrun;
import dev.mpipool.ranks.programs.AnyLambda;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Lambdas that the compiler did not make serializable, as tasks on real ranks. */
class AnyLambdaIT {
  private static final Path AGENT = Mpjrun.home().resolve("launcher/target/lib/mpipool-agent.jar");

  private static final String CAPTURE = "-Dmpipool.capture=" + AnyLambda.class.getName();

  private static final String[] RESULTS = {
    "squares [1, 4, 9]", "prices [3, 6, 12]", "others [6, [7, 8, 7], Point[x=4, y=3]]"
  };

  private static final String STAGES = "stages 4 / by zero";

  /** Three ranks, or in local mode one with threads as workers. */
  private static Mpjrun on(String mode) {
    return mode.equals("local") ? Mpjrun.plain().np(1) : Mpjrun.on(mode).np(3);
  }

  @ParameterizedTest
  @ValueSource(strings = {"local", "multicore", "tcpdev", "niodev", "openmpi", "mpich"})
  void theOptionMakesEveryLambdaTravel(String mode) {
    Mpjrun.Result result = on(mode).options("-any-lambda", CAPTURE).run(AnyLambda.class);
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.err()).isEmpty();
    assertThat(result.out()).startsWith(RESULTS).endsWith(STAGES).hasSize(RESULTS.length + 1);
  }

  @Test
  void anObjectThatIsNotNamedIsRefusedWithTheOptionThatNamesIt() {
    Mpjrun.Result result = Mpjrun.on("multicore").np(2).options("-any-lambda").run(AnyLambda.class);
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out())
        .contains(RESULTS[0], RESULTS[2], STAGES)
        .anyMatch(line -> line.startsWith("prices: ") && line.contains(CAPTURE));
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "tcpdev"})
  void aTaskThatChangesACopyIsReportedOnceOrFails(String device) {
    String site = "The task lambda in " + AnyLambda.class.getName() + ".count has changed";
    Mpjrun.Result result =
        Mpjrun.on(device).np(3).options("-any-lambda").run(AnyLambda.class, "count");
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).containsExactly("count 0");
    assertThat(result.err()).singleElement().asString().contains(site, "(int[] count)");

    Mpjrun.Result strict =
        Mpjrun.on(device)
            .np(3)
            .options("-any-lambda", "-Dmpipool.lambdas.strict=true")
            .run(AnyLambda.class, "count");
    strict.assertExitCode(0).assertNothingLeft();
    assertThat(strict.out()).singleElement().asString().startsWith("count: " + site);
    assertThat(strict.err()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"local", "multicore", "tcpdev", "niodev", "openmpi", "mpich"})
  void wovenClassesNeedNoOption(String mode, @TempDir Path folder) throws Exception {
    copyClasses(folder);
    weave(folder);
    Mpjrun woven = on(mode).classPath(folder.toString());
    Mpjrun.Result result = woven.run(AnyLambda.class);
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out())
        .startsWith(RESULTS)
        .anyMatch(line -> line.startsWith("stages refused: ") && line.contains("--add-opens"));
    result =
        woven
            .options("--add-opens", "java.base/java.util.concurrent=ALL-UNNAMED")
            .run(AnyLambda.class);
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).startsWith(RESULTS).endsWith(STAGES);
  }

  @Test
  void aRankWithoutTheAgentSaysSo(@TempDir Path folder) throws Exception {
    Path ssh =
        Files.writeString(
            folder.resolve("ssh"),
            """
            #!/bin/sh
            case $1 in
              127.0.0.3) exec sh -c "$(echo "$2" | sed 's,-javaagent:[^ ]*,,')" ;;
              *) exec sh -c "$2" ;;
            esac
            """);
    assertThat(ssh.toFile().setExecutable(true)).isTrue();
    Mpjrun.Result result =
        Mpjrun.on("tcpdev")
            .np(2)
            .options("-any-lambda", "-hosts", "127.0.0.2,127.0.0.3")
            .environment("MPIPOOL_SSH", ssh.toString())
            .run(AnyLambda.class);
    result.assertExitCode(1).assertNothingLeft();
    assertThat(result.err())
        .anyMatch(
            line ->
                line.contains("the lambdas of class " + AnyLambda.class.getName())
                    && line.contains("not on this rank: start all ranks with the agent"));
  }

  private static void copyClasses(Path to) throws IOException {
    String path = AnyLambda.class.getPackageName().replace('.', '/');
    Path from = Mpjrun.classes().resolve(path);
    Files.createDirectories(to.resolve(path));
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.filter(AnyLambdaIT::isOfProgram).toList()) {
        Files.copy(file, to.resolve(path).resolve(file.getFileName()));
      }
    }
  }

  private static boolean isOfProgram(Path file) {
    return file.getFileName().toString().startsWith("AnyLambda");
  }

  @Test
  void theAgentOfPlainJavaMakesEveryLambdaTravel() throws Exception {
    List<String> out =
        java(
            "-javaagent:" + AGENT,
            CAPTURE,
            "-Dmpipool.local.workers=2",
            "-cp",
            Mpjrun.classes() + File.pathSeparator + System.getProperty("java.class.path"),
            AnyLambda.class.getName());
    assertThat(out).containsSubsequence(RESULTS).contains(STAGES);
  }

  private static void weave(Path folder) throws Exception {
    java(CAPTURE, "-jar", AGENT.toString(), "weave", folder.toString());
  }

  /** Runs java to its end without an error, and returns its output. */
  private static List<String> java(String... arguments) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(arguments));
    Path output = Files.createTempFile("any-lambda", "");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
      try {
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      } finally {
        process.destroyForcibly();
      }
      List<String> lines = Files.readAllLines(output);
      assertThat(process.exitValue()).as("%s", lines).isZero();
      return lines;
    } finally {
      Files.delete(output);
    }
  }
}
