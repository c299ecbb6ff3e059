package dev.mpipool.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import dev.mpipool.launcher.programs.Script;
import dev.mpipool.launcher.testing.Mpjrun;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The command line, right and wrong. */
class CommandLineIT {
  @TempDir Path folder;

  static Stream<Arguments> mistakes() {
    return Stream.of(
        Arguments.of("no class", List.of("-np", "2")),
        Arguments.of("-np 0", List.of("-np", "0", "Example")),
        Arguments.of("abc", List.of("-np", "abc", "Example")),
        Arguments.of("abc", List.of("-np=abc", "Example")),
        Arguments.of("\"a:x\" is no host", List.of("-hosts", "b,a:x", "Example")),
        Arguments.of("-np", List.of("-np")),
        Arguments.of("unknown option -bogus", List.of("-bogus", "Example")),
        Arguments.of("no device carrier-pigeon", List.of("-dev", "carrier-pigeon", "Example")),
        Arguments.of("-yarn", List.of("-yarn", "Example")),
        Arguments.of("class NoSuchProgram", List.of("NoSuchProgram")),
        Arguments.of("compile it (javac -d . Main.java) and run Main", List.of("Main.java")),
        Arguments.of("and the name of a class is needed: run a.Main", List.of("a/Main.class")),
        Arguments.of("no jar file gone.jar", List.of("-jar", "gone.jar")),
        Arguments.of("is no folder", List.of("-wdir", "gone", "Example")),
        Arguments.of(
            "machines file gone", List.of("-dev", "niodev", "-machinesfile", "gone", "Example")),
        Arguments.of(
            "leave out -dev multicore",
            List.of("-dev", "multicore", "-machinesfile", "gone", "Example")),
        Arguments.of("machines file gone", List.of("-machinesfile", "gone", "Example")));
  }

  @ParameterizedTest
  @MethodSource("mistakes")
  void aMistakeIsOneLineAndTwo(String message, List<String> command) {
    Mpjrun.Result result =
        Mpjrun.plain().runCommand(command.toArray(String[]::new)).assertExitCode(2);
    assertThat(result.out()).isEmpty();
    assertThat(result.err()).hasSize(1);
    assertThat(result.err().get(0)).startsWith("mpjrun.sh: ").contains(message);
  }

  @ParameterizedTest
  @MethodSource("helps")
  void helpPrintsAllOptions(String option) {
    Mpjrun.Result result = Mpjrun.plain().runCommand(option).assertExitCode(0);
    String text = String.join("\n", result.out());
    assertThat(text)
        .contains(
            "-np, -n, --np N",
            "-hosts",
            "-dev DEVICE",
            "-cp",
            "-jar FILE",
            "-wdir",
            "-machinesfile",
            "-tag-output",
            "Examples:",
            "Exit code");
  }

  static Stream<String> helps() {
    return Stream.of("-h", "--help");
  }

  @Test
  void worksThroughALinkFromAnywhereWithSpacesOnTheClassPath() throws IOException {
    Path classes = folder.resolve("my classes");
    copyScriptTo(classes);
    Path link =
        Files.createSymbolicLink(folder.resolve("run it"), Mpjrun.home().resolve("bin/mpjrun.sh"));
    Mpjrun.Result result =
        Mpjrun.on("niodev")
            .np(2)
            .script(link)
            .folder(folder)
            .classPath("my classes:none")
            .run(Script.class, "*:say:hello there");
    result.assertExitCode(0);
    assertThat(result.out()).containsExactlyInAnyOrder("hello there 0", "hello there 1");
  }

  @Test
  void theClassPathComesFromTheEnvironmentOrIsTheFolder() throws IOException {
    copyScriptTo(folder);
    String name = Script.class.getName();
    Mpjrun.plain().np(1).folder(folder).runCommand(name, "*:say:x").assertExitCode(0);
    Mpjrun.plain()
        .np(1)
        .environment("CLASSPATH", folder.toString())
        .runCommand(name, "*:say:x")
        .assertExitCode(0);
  }

  @Test
  void aJarNamesItsMainAndKeepsItsArguments() throws IOException {
    Path jar = folder.resolve("a program.jar");
    Manifest manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, Script.class.getName());
    try (OutputStream file = Files.newOutputStream(jar);
        JarOutputStream out = new JarOutputStream(file, manifest)) {
      String entry = Script.class.getName().replace('.', '/') + ".class";
      out.putNextEntry(new JarEntry(entry));
      Files.copy(Mpjrun.classes().resolve(entry), out);
    }
    Mpjrun.Result result =
        Mpjrun.on("multicore")
            .np(1)
            .runCommand("-jar", jar.toString(), "0:rest", "0:say:-np", "-np", "x y");
    result.assertExitCode(0);
    assertThat(result.out())
        .containsExactly("[0, 1, smpdev, 0:rest, 0:say:-np, -np, x y]", "-np 0");
    Mpjrun.on("multicore")
        .np(2)
        .runCommand("-jar", jar.toString(), "1:exit:0", "0:sleep:2000", "0:exit:7")
        .assertExitCode(7);
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "tcpdev", "niodev"})
  void aClassThatCannotRunIsOneLineForAllRanksAndOne(String device) {
    for (String name : List.of(Mpjrun.class.getName(), "dev.mpipool.launcher.SshIT")) {
      Mpjrun.Result result =
          Mpjrun.on(device)
              .np(3)
              .options("-cp", Mpjrun.classes().toString())
              .runCommand(name)
              .assertExitCode(1);
      assertThat(result.out()).isEmpty();
      assertThat(result.err()).hasSize(1);
      assertThat(result.err().get(0)).startsWith("mpjrun.sh: class ").contains(name);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"multicore", "tcpdev", "niodev"})
  void aMainOfAnObjectRunsFromJava25On(String device) {
    Mpjrun old = Mpjrun.on(device).np(2);
    Mpjrun.Result refused =
        old.options("-cp", Mpjrun.classes().toString())
            .runCommand("dev.mpipool.launcher.programs.ObjectMain");
    if (Runtime.version().feature() < 25) {
      refused.assertExitCode(1);
      assertThat(refused.err()).hasSize(1);
      assertThat(refused.err().get(0))
          .contains("ObjectMain.main", "declare it public static void main(String[] args)");
    }
    Path jdk = Mpjrun.newJdk();
    Assumptions.assumeTrue(jdk.toString().matches(".*\\b(2[5-9]|[3-9]\\d).*"), "no JDK 25");
    Mpjrun.Result result =
        Mpjrun.on(device)
            .np(2)
            .environment("JAVA_HOME", jdk.toString())
            .options("-cp", Mpjrun.classes().toString())
            .runCommand("dev.mpipool.launcher.programs.ObjectMain")
            .assertExitCode(0);
    assertThat(result.out()).containsExactly("from an object", "from an object");
  }

  @Test
  void hostsGiveTheNumberOfRanksAndGetThemInBlocks() throws IOException {
    Path ssh = folder.resolve("ssh");
    Files.writeString(ssh, "#!/bin/sh\necho \"$1\" >>asked\nexec sh -c \"$2\"\n");
    Files.setPosixFilePermissions(ssh, PosixFilePermissions.fromString("rwx------"));
    Path file = Files.writeString(folder.resolve("hosts"), "127.0.0.3 slots=2\n127.0.0.2\n");
    for (List<String> option :
        List.of(List.of("-hosts=127.0.0.3:2,127.0.0.2"), List.of("-hostfile", file.toString()))) {
      Mpjrun.Result result =
          Mpjrun.on("tcpdev")
              .options(option.toArray(String[]::new))
              .folder(folder)
              .environment("MPIPOOL_SSH", ssh.toString())
              .run(Script.class, "*:init", "*:sum", "*:finalize");
      result.assertExitCode(0).assertNothingLeft();
      assertThat(result.out())
          .containsExactlyInAnyOrder(
              "sum 3 at rank 0 of 3", "sum 3 at rank 1 of 3", "sum 3 at rank 2 of 3");
      Path asked = folder.resolve("asked");
      assertThat(Files.readAllLines(asked))
          .containsExactlyInAnyOrder("127.0.0.3", "127.0.0.3", "127.0.0.2");
      Files.delete(asked);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"openmpi", "mpich"})
  void theMachinesMpiGetsTheHostsThatWereNamed(String mpi) {
    Mpjrun.Result result = Mpjrun.on(mpi).options("-hosts", "localhost:3").runCommand("Example");
    result.assertExitCode(0).assertNothingLeft();
    assertThat(result.out()).contains("All ranks are here: 3");
  }

  @Test
  void optionsOfTheJvmReachTheRanks() {
    Mpjrun.Result result =
        Mpjrun.on("niodev")
            .np(1)
            .options("-Da=b c", "-Xmx50m", "-ea", "--add-opens", "java.base/java.lang=ALL-UNNAMED")
            .run(Script.class, "*:property:a");
    assertThat(result.out()).containsExactly("a=b c");
  }

  private void copyScriptTo(Path target) throws IOException {
    Path inside = Path.of(Script.class.getName().replace('.', '/') + ".class");
    Files.createDirectories(target.resolve(inside).getParent());
    Files.copy(Mpjrun.classes().resolve(inside), target.resolve(inside));
  }
}
