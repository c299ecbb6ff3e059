package dev.mpipool.ranks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.launcher.testing.Mpjrun;
import dev.mpipool.ranks.programs.AnyLambda;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Lambdas that the compiler did not make serializable, as tasks on real ranks. */
class AnyLambdaIT {
  private static final String CAPTURE = "-Dmpipool.capture=" + AnyLambda.class.getName();

  private static final String[] RESULTS = {
    "squares [1, 4, 9]", "prices [3, 6, 12]", "others [6, [7, 8, 7], Point[x=4, y=3]]"
  };

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "tcpdev", "niodev", "openmpi", "mpich"})
  void theOptionMakesEveryLambdaTravel(String device) {
    Mpjrun.Result result =
        Mpjrun.on(device).np(3).options("-any-lambda", CAPTURE).run(AnyLambda.class);
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.err()).isEmpty();
    assertThat(result.out()).containsExactly(RESULTS);
  }

  @Test
  void anObjectThatIsNotNamedIsRefusedWithTheOptionThatNamesIt() {
    Mpjrun.Result result = Mpjrun.on("multicore").np(2).options("-any-lambda").run(AnyLambda.class);
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out())
        .hasSize(3)
        .contains(RESULTS[0], RESULTS[2])
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
    assertThat(result.err()).singleElement().asString().contains(site, "(int[])");

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
  @ValueSource(strings = {"multicore", "tcpdev"})
  void wovenClassesNeedNoOption(String device, @TempDir Path folder) throws Exception {
    copyClasses(folder);
    weave(folder);
    Mpjrun.Result result =
        Mpjrun.on(device).np(3).classPath(folder.toString()).run(AnyLambda.class);
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).containsExactly(RESULTS);
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

  private static void weave(Path folder) throws IOException, InterruptedException {
    Path jar = Mpjrun.home().resolve("launcher/target/lib/mpipool-agent.jar");
    Process weaver =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                CAPTURE,
                "-jar",
                jar.toString(),
                "weave",
                folder.toString())
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    assertThat(weaver.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(weaver.exitValue()).isZero();
  }
}
