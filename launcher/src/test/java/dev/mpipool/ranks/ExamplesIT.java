package dev.mpipool.ranks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.launcher.testing.Mpjrun;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.StringTokenizer;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The examples do what README says, started as README says. */
@Timeout(300)
class ExamplesIT {

  private static List<String> squares() {
    return IntStream.range(0, 10).mapToObj(i -> Integer.toString(i * i)).toList();
  }

  private static List<String> run(String device, int np, String... command) {
    Mpjrun.Result result = Mpjrun.on(device).np(np).runCommand(command);
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.err()).isEmpty();
    return result.out();
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void exampleOnRanks(String device) {
    List<String> out = run(device, 4, "Example");
    assertThat(out.subList(0, 10)).isEqualTo(squares());
    assertThat(out).endsWith("All ranks are here: 4");
  }

  @Test
  void exampleWithoutMpi() throws Exception {
    Path target = Mpjrun.home().resolve("examples/target");
    String path = target.resolve("classes") + File.pathSeparator + target.resolve("lib") + "/*";
    String out =
        output(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            path,
            "dev.mpipool.examples.Example");
    assertThat(out.lines().toList().subList(0, 10)).isEqualTo(squares());
  }

  @Test
  void queueSumWithoutAQueue() throws Exception {
    Path target = Mpjrun.home().resolve("examples/target");
    String path = target.resolve("classes") + File.pathSeparator + target.resolve("lib") + "/*";
    String out =
        output(
            "env",
            "MPIPOOL_SCHEDULER=local",
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            path,
            "dev.mpipool.examples.QueueSum",
            "4",
            "2");
    assertThat(out.lines())
        .contains("1 + ... + 1000 = 500500", "1 + ... + 4000 = 8002000")
        .hasSize(5);
  }

  @Test
  void exampleUnderMpjExpressOwnLauncher() throws Exception {
    String mpj = output(Mpjrun.home().resolve("bin/setup-mpj.sh").toString()).strip();
    Path target = Mpjrun.home().resolve("examples/target");
    try (Stream<Path> jars = Files.list(target.resolve("lib"))) {
      String path =
          Stream.concat(Stream.of(target.resolve("classes")), jars)
              .map(Path::toString)
              .collect(Collectors.joining(File.pathSeparator));
      List<String> out =
          output(
                  "env",
                  "MPJ_HOME=" + mpj,
                  "PATH="
                      + Path.of(System.getProperty("java.home"), "bin")
                      + ":"
                      + System.getenv("PATH"),
                  "java",
                  "-jar",
                  mpj + "/lib/starter.jar",
                  "-np",
                  "3",
                  "-cp",
                  path,
                  "dev.mpipool.examples.Example")
              .lines()
              .toList();
      assertThat(out).containsAll(squares()).endsWith("All ranks are here: 3");
    }
  }

  private static String output(String... command) throws IOException, InterruptedException {
    Path out = Files.createTempFile("output", null);
    Process process =
        new ProcessBuilder(command)
            .redirectOutput(out.toFile())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try {
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).isZero();
      return Files.readString(out);
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
      Files.delete(out);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void twoPoolsWithCollectiveCallsBetween(String device) {
    assertThat(run(device, 4, "Rejoin"))
        .containsExactly(
            "first pool: 1.414214", "between the pools: 8.485281", "second pool: 2.000000");
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "niodev", "tcpdev", "openmpi", "mpich"})
  void wordsOfThisSourceTree(String device) throws IOException {
    Path tree = Mpjrun.home().resolve("core/src");
    long words = 0;
    long files = 0;
    try (Stream<Path> found = Files.walk(tree)) {
      for (Path file : found.filter(Files::isRegularFile).toList()) {
        words += new StringTokenizer(Files.readString(file)).countTokens();
        files++;
      }
    }
    assertThat(run(device, 3, "WordCount", tree.toString()))
        .hasSize(11)
        .startsWith("%d words in %d files".formatted(words, files));
  }

  @Test
  void thePoolExampleOnRanks() {
    List<String> out = run("tcpdev", 3, "PoolExample");
    assertThat(out).hasSize(3);
    assertThat(out.get(0)).startsWith("[0, 1, 4, 9, ").endsWith(", 9801]");
    assertThat(out.get(1)).startsWith("Done already? ");
    assertThat(out.get(2)).isEqualTo("The same: true");
  }

  @Test
  void piIsWithinItsErrorBar() {
    Mpjrun.Result result =
        Mpjrun.on("multicore").np(3).runCommand("MonteCarloPi", "--mpi", "100", "10000");
    result.assertExitCode(0).assertNothingLeft();
    assertThat(String.join("", result.err())).contains("100/100");
    assertThat(result.out()).hasSize(1);
    Matcher estimate = Pattern.compile("pi = (\\S+) \\+- (\\S+)").matcher(result.out().get(0));
    assertThat(estimate.matches()).isTrue();
    double error = Double.parseDouble(estimate.group(2));
    // a hit scatters by 4 sqrt(p (1 - p)) around pi, p = pi / 4, and there are a million
    assertThat(error).isBetween(0.001, 0.003);
    assertThat(Double.parseDouble(estimate.group(1)))
        .isBetween(Math.PI - 4 * error, Math.PI + 4 * error);
  }

  @Test
  void aJobWithoutTheArgumentMpiIsToldToGiveIt() {
    Mpjrun.Result result = Mpjrun.on("multicore").np(3).runCommand("MonteCarloPi");
    result.assertExitCode(1).assertNothingLeft();
    assertThat(result.err()).anyMatch(line -> line.contains("give the program --mpi"));
  }

  @Test
  void rowsOfAMatrixAgainstAVector() {
    assertThat(run("tcpdev", 3, "MatrixRows", "105"))
        .hasSize(2)
        .endsWith("largest difference to the product computed here: 0.0")
        .first()
        .asString()
        .endsWith(" from 105 rows");
  }

  @Test
  void primesAboveANumber() {
    assertThat(run("multicore", 3, "Primes", "4", "1000000"))
        .containsExactly("1000003", "1000033", "1000037", "1000039");
  }

  @Test
  void theJuliaSetIsAPictureWithManyColors(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("julia set.png");
    run("multicore", 3, "JuliaSet", file.toString(), "200");
    var image = ImageIO.read(file.toFile());
    assertThat(image.getWidth()).isEqualTo(200);
    assertThat(image.getHeight()).isEqualTo(120);
    int[] colors = image.getRGB(0, 0, 200, 120, null, 0, 200);
    assertThat(IntStream.of(colors).distinct().count()).isGreaterThan(500);
  }
}
