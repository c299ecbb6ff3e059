package dev.mpipool.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WeaverTest {
  private static final String PROGRAM =
      """
      package com.acme;
      public class Program {
        public static Runnable task() { return () -> {}; }
        interface Shape {}
        public record Circle(double radius) implements Shape {}
        public static class Service { public Runnable task() { return () -> toString(); } }
      }
      """;

  private static final String PLAIN = "package com.acme; class Plain {}";

  @TempDir private Path folder;

  private Path classes;

  @BeforeEach
  void compile() throws IOException {
    classes = Files.createDirectory(folder.resolve("classes"));
    Sources.compile(Map.of("Program", PROGRAM, "Plain", PLAIN), classes);
  }

  private static Weaver.Count weave(Path entry) throws IOException {
    return weave(null, null, entry);
  }

  private static Weaver.Count weave(String packages, String captured, Path entry)
      throws IOException {
    try (Weaver weaver = new Weaver(packages, captured, List.of(entry))) {
      return weaver.weave(entry);
    }
  }

  private Path jar(String... more) throws IOException {
    Path jar = folder.resolve("program.jar");
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar));
        Stream<Path> files = Files.walk(classes)) {
      for (String entry : more) {
        out.putNextEntry(new JarEntry(entry));
        out.write(entry.getBytes(java.nio.charset.StandardCharsets.UTF_8));
        out.closeEntry();
      }
      for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
        out.putNextEntry(new JarEntry(classes.relativize(file).toString()));
        out.write(Files.readAllBytes(file));
        out.closeEntry();
      }
    }
    return jar;
  }

  private static void assertTravels(Path entry) throws Exception {
    try (URLClassLoader loader = new URLClassLoader(new URL[] {entry.toUri().toURL()}, null)) {
      Object task = loader.loadClass("com.acme.Program").getMethod("task").invoke(null);
      assertThat(Woven.write(task)).isNotEmpty();
      Object circle =
          loader.loadClass("com.acme.Program$Circle").getConstructor(double.class).newInstance(2.0);
      assertThat(Woven.write(circle)).isNotEmpty();
    }
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.sorted().toList();
    }
  }

  @Test
  void aFolderIsWovenOnce() throws Exception {
    List<Path> before = files();
    assertThat(weave(classes)).isEqualTo(new Weaver.Count(5, 3));
    assertTravels(classes);
    byte[] woven = Files.readAllBytes(classes.resolve("com/acme/Program.class"));
    assertThat(weave(classes)).isEqualTo(new Weaver.Count(5, 0));
    assertThat(classes.resolve("com/acme/Program.class")).hasBinaryContent(woven);
    assertThat(files()).isEqualTo(before);
  }

  @Test
  void aJarIsWovenOnce() throws Exception {
    Path jar = jar("META-INF/services/x", "module-info.class");
    List<String> before = entries(jar);
    assertThat(weave(jar)).isEqualTo(new Weaver.Count(5, 3));
    assertTravels(jar);
    assertThat(entries(jar)).isEqualTo(before);
    byte[] woven = Files.readAllBytes(jar);
    assertThat(weave(jar)).isEqualTo(new Weaver.Count(5, 0));
    assertThat(jar).hasBinaryContent(woven);
  }

  private static List<String> entries(Path jar) throws IOException {
    List<String> names = new ArrayList<>();
    try (JarFile file = new JarFile(jar.toFile())) {
      file.stream().forEach(entry -> names.add(entry.getName()));
    }
    return names;
  }

  @Test
  void rightsStay() throws Exception {
    Path file = classes.resolve("com/acme/Program.class");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
    weave(classes);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-r-----");
  }

  @Test
  void onlyNamedPackagesAreWoven() throws Exception {
    assertThat(weave("org.other", null, classes)).isEqualTo(new Weaver.Count(5, 0));
    assertThat(weave("com", null, classes)).isEqualTo(new Weaver.Count(5, 3));
  }

  @Test
  void namedClassesAreCaptured() throws Exception {
    assertThat(weave(null, "com.acme.Program", classes)).isEqualTo(new Weaver.Count(5, 3));
    try (URLClassLoader loader = new URLClassLoader(new URL[] {classes.toUri().toURL()}, null)) {
      Class<?> service = loader.loadClass("com.acme.Program$Service");
      Object task = service.getMethod("task").invoke(service.getConstructor().newInstance());
      assertThat(Woven.write(task)).isNotEmpty();
    }
  }

  @Test
  void mpipoolsOwnClassesStay() throws Exception {
    Path all = Files.createDirectory(folder.resolve("all"));
    String executor =
        "package dev.mpipool; public class MPIExecutor { Runnable task() { return () -> {}; } }";
    Sources.compile(Map.of("MPIExecutor", executor, "Program", PROGRAM), all);
    assertThat(weave(all)).isEqualTo(new Weaver.Count(5, 3));
  }

  @Test
  void aSignedJarIsRefusedAndStays() throws Exception {
    Path jar = jar("META-INF/ACME.SF");
    byte[] before = Files.readAllBytes(jar);
    assertThatThrownBy(() -> weave(jar))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(jar + " is signed");
    assertThat(jar).hasBinaryContent(before);
  }

  @Test
  void aFileThatIsNoClassIsNamed() throws Exception {
    Path broken = Files.writeString(classes.resolve("Broken.class"), "no class");
    assertThatThrownBy(() -> weave(classes))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(broken.toString());
  }

  @Test
  void aFileThatIsNoJarIsNamed() throws Exception {
    Path text = Files.writeString(folder.resolve("text.jar"), "no jar");
    assertThatThrownBy(() -> weave(text))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(text + " is neither a folder nor a jar");
  }
}
