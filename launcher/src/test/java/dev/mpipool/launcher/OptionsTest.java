package dev.mpipool.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.mpipool.launcher.programs.Script;
import dev.mpipool.launcher.testing.Mpjrun;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.jar.JarOutputStream;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a command line asks for. */
class OptionsTest {
  @TempDir Path folder;

  /** A folder in the form of the product's, with an example that is never run. */
  @BeforeEach
  void makeInstallation() throws IOException {
    Files.createDirectories(folder.resolve("examples/target/lib"));
    try (OutputStream file =
            Files.newOutputStream(folder.resolve("examples/target/mpipool-examples-1.jar"));
        JarOutputStream jar = new JarOutputStream(file)) {
      jar.putNextEntry(new ZipEntry("dev/mpipool/examples/Main.class"));
    }
  }

  private JobSpec job(String line) throws UsageException, IOException {
    List<String> words = new ArrayList<>(List.of(line.split(" ")));
    words.removeIf(String::isEmpty);
    words.addAll(List.of("-cp", Mpjrun.classes().toString(), Script.class.getName()));
    return Options.parse(words).toJob(new Installation(folder, folder), Map.of());
  }

  @ParameterizedTest
  @CsvSource({
    "-np 3, 3",
    "-n 3, 3",
    "--np 3, 3",
    "-np=3, 3",
    "-n=3, 3",
    "--np=3, 3",
    "'-hosts a,b,c', 3",
    "'-hosts a:4,b', 5",
    "'-hosts a:4,b -np 2', 2",
    "'-host=a:4', 4"
  })
  void theNumberOfRanks(String line, int np) throws Exception {
    assertThat(job(line).np()).isEqualTo(np);
  }

  @Test
  void withoutANumberARankForEachProcessor() throws Exception {
    assertThat(job("").np()).isEqualTo(Runtime.getRuntime().availableProcessors());
    assertThat(job("").hosts()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "'-hosts a,b,c', 'a b c'",
    "'-hosts=a:2,b', 'a a b'",
    "'-hosts a:2,b -np 5', 'a a a a b'",
    "'-hosts a,b,c -np=2', 'a b'"
  })
  void theHostsOfTheRanks(String line, String hosts) throws Exception {
    assertThat(job(line).hosts()).containsExactly(hosts.split(" "));
  }

  @Test
  void aMachinesFileGivesTheNumberOfRanksAsWell() throws Exception {
    Path file = Files.writeString(folder.resolve("hosts"), "a slots=2\nb:2\na\n");
    for (String option : List.of("-machinesfile", "-hostfile", "--hostfile")) {
      assertThat(job(option + " " + file).hosts()).containsExactly("a", "a", "a", "b", "b");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "'-np=x', '-np'",
    "'-np=', '-np'",
    "'-np=0', 'at least one rank'",
    "'-hosts a: ', 'is no host'",
    "'-hosts a -machinesfile b', 'leave one out'",
    "'-hosts a -dev multicore', 'leave out -dev multicore'",
    "'-tag-output=yes', 'unknown option -tag-output=yes; perhaps -tag-output is meant'",
    "'-np4', 'unknown option -np4; perhaps -np is meant'",
    "'-N 4', 'unknown option -N; perhaps -n is meant'",
    "'--dev tcpdev', 'unknown option --dev; perhaps -dev is meant'",
    "'-machinefile hosts', 'unknown option -machinefile; perhaps -machinesfile is meant'",
    "'-any_lambdas', 'unknown option -any_lambdas; perhaps -any-lambda is meant'",
    "'-version', 'unknown option -version; -h prints'",
    "'-x', 'unknown option -x; -h prints'"
  })
  void mistakesAreNamed(String line, String message) {
    assertThatThrownBy(() -> job(line))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining(message);
  }

  @Test
  void anEqualsSignInAnOptionOfTheJvmStaysThere() throws Exception {
    assertThat(job("-Dnp=3 --add-opens=java.base/java.lang=ALL-UNNAMED -np=2").jvmOptions())
        .containsExactly("-Dnp=3", "--add-opens=java.base/java.lang=ALL-UNNAMED");
  }
}
