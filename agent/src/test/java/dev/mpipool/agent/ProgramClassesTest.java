package dev.mpipool.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.security.ProtectionDomain;
import java.security.cert.Certificate;
import java.util.Properties;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProgramClassesTest {
  @TempDir private Path folder;

  private Path classes;
  private Path program;
  private Path library;

  @BeforeEach
  void makeJars() throws IOException {
    classes = Files.createDirectory(folder.resolve("classes"));
    program = jar("program.jar", "com/acme/Main.class");
    library = jar("library.jar", "org/library/Future.class");
  }

  private Path jar(String name, String... entries) throws IOException {
    Path jar = folder.resolve(name);
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
      for (String entry : entries) {
        out.putNextEntry(new JarEntry(entry));
        out.closeEntry();
      }
    }
    return jar;
  }

  private static ProtectionDomain from(Path entry) throws IOException {
    return new ProtectionDomain(new CodeSource(entry.toUri().toURL(), (Certificate[]) null), null);
  }

  private static ProgramClasses of(String... namesAndValues) {
    Properties properties = new Properties();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      properties.setProperty(namesAndValues[i], namesAndValues[i + 1]);
    }
    return ProgramClasses.of(properties);
  }

  private static String path(Path... entries) {
    StringBuilder path = new StringBuilder();
    for (Path entry : entries) {
      path.append(path.length() == 0 ? "" : File.pathSeparator).append(entry);
    }
    return path.toString();
  }

  @Test
  void foldersAndTheJarOfTheMainClassAreTheProgram() throws IOException {
    ProgramClasses own =
        of(
            "java.class.path",
            path(library, classes, program),
            "sun.java.command",
            "com.acme.Main argument");
    assertThat(own.contain("com/acme/Main", from(program))).isTrue();
    assertThat(own.contain("com/acme/Other", from(classes))).isTrue();
    assertThat(own.contain("org/library/Future", from(library))).isFalse();
    assertThat(own.contain("java/lang/String", null)).isFalse();
  }

  @Test
  void theJarOfTheOptionIsTheProgram() throws IOException {
    ProgramClasses own =
        of("java.class.path", path(library), "sun.java.command", library + " argument");
    assertThat(own.contain("org/library/Future", from(library))).isTrue();
  }

  @Test
  void theLauncherSaysWhatTheProgramIs() throws IOException {
    ProgramClasses own =
        of(ProgramClasses.PATH, path(program), "java.class.path", path(classes, library));
    assertThat(own.contain("com/acme/Main", from(program))).isTrue();
    assertThat(own.contain("com/acme/Main", from(classes))).isFalse();
  }

  @Test
  void packagesMayBeNamedInstead() throws IOException {
    ProgramClasses own =
        of(
            ProgramClasses.PACKAGES,
            "org.library, com.acme.Main",
            ProgramClasses.PATH,
            path(classes));
    assertThat(own.contain("org/library/deep/Future", from(library))).isTrue();
    assertThat(own.contain("org/librarything/Future", from(library))).isFalse();
    assertThat(own.contain("com/acme/Main", from(program))).isTrue();
    assertThat(own.contain("com/acme/Main$Inner", from(program))).isTrue();
    assertThat(own.contain("com/acme/MainFrame", from(program))).isFalse();
    assertThat(own.contain("com/acme/Other", from(classes))).as("in the folder").isFalse();
  }

  @Test
  void mpipoolIsNeverTheProgram() throws IOException {
    Path whole = jar("whole.jar", "dev/mpipool/MPIExecutor.class", "com/acme/Main.class");
    ProgramClasses own = of(ProgramClasses.PATH, path(whole));
    assertThat(own.contain("com/acme/Main", from(whole))).isTrue();
    assertThat(own.contain("dev/mpipool/MPIExecutor", from(whole))).isFalse();
    ProgramClasses named = of(ProgramClasses.PACKAGES, "dev");
    assertThat(named.contain("dev/mpipool/MPIExecutor", from(whole))).isFalse();
    assertThat(named.contain("dev/other/Main", from(whole))).isTrue();
  }

  @Test
  void withoutFolderOrMainClassThereIsNoProgram() {
    assertThat(of("java.class.path", path(library), "sun.java.command", "no.Main").isEmpty())
        .isTrue();
  }
}
