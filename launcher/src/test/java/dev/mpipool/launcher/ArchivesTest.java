package dev.mpipool.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which archive a rank's JVM gets. */
class ArchivesTest {
  @TempDir Path folder;

  @BeforeEach
  void makeArchives() throws IOException {
    Files.createFile(folder.resolve("process.aot"));
    Files.createFile(folder.resolve("process.jsa"));
  }

  private List<String> options(List<String> ofUser, Set<String> variables) {
    return options(ofUser, variables, false);
  }

  private List<String> options(List<String> ofUser, Set<String> variables, boolean large) {
    List<String> command = new ArrayList<>();
    new Archives(folder, null, false, large).use(command, "process", ofUser, variables);
    return command;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "-Dname=value",
        "-Xmx2g",
        "-Xmx100000k",
        "-Xmx1073741824",
        "-Xms16m",
        "-Xss2m",
        "-ea",
        "-ea:my.Main",
        "-enableassertions"
      })
  void linkedClassesServeJobsWithTheseOptions(String option) {
    assertThat(options(List.of(option), Set.of("HOME")))
        .contains("-XX:AOTCache=" + folder.resolve("process.aot"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "-javaagent:agent.jar",
        "-agentlib:jdwp=transport=dt_socket",
        "-XX:+UseZGC",
        "-Xms64g",
        "-Djava.system.class.loader=my.Loader",
        "--add-opens=java.base/java.lang=ALL-UNNAMED",
        "--enable-preview"
      })
  void othersHaveParsedClasses(String option) {
    assertThat(options(List.of("-Dname=value", option), Set.of()))
        .contains("-XX:SharedArchiveFile=" + folder.resolve("process.jsa"))
        .noneMatch(each -> each.contains("AOT"));
  }

  @Test
  void optionsInTheEnvironmentMayBeAny() {
    assertThat(options(List.of(), Set.of("MPIPOOL_RANKS_JAVA_TOOL_OPTIONS")))
        .contains("-XX:SharedArchiveFile=" + folder.resolve("process.jsa"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "-Xshare:off",
        "-XX:AOTCache=mine.aot",
        "-XX:AOTCacheOutput=mine.aot",
        "-XX:SharedArchiveFile=mine.jsa",
        "-XX:ArchiveClassesAtExit=mine.jsa",
        "-XX:+AutoCreateSharedArchive"
      })
  void thoseWithArchivesOfTheirOwnGetNone(String option) {
    assertThat(options(List.of(option), Set.of())).isEmpty();
  }

  /** A cache of references of another length leaves the JVM without any archive. */
  @ParameterizedTest
  @ValueSource(strings = {"-Xmx64g", "-Xmx29g", "-Xmxhuge"})
  void archivesOfCompressedReferencesAreNotForLargeHeaps(String option) {
    assertThat(options(List.of(option), Set.of())).isEmpty();
  }

  @Test
  void archivesOfCompressedReferencesAreNotForLargeDefaultHeaps() {
    assertThat(options(List.of(), Set.of(), true)).isEmpty();
    assertThat(options(List.of("-Xmx64g", "-Xmx2g"), Set.of(), true))
        .contains("-XX:AOTCache=" + folder.resolve("process.aot"));
  }

  @Test
  void largeHeapsHaveArchivesOfTheirOwn() throws IOException {
    Path linked = Files.createFile(folder.resolve("process-uncompressed.aot"));
    Path parsed = Files.createFile(folder.resolve("process-uncompressed.jsa"));
    assertThat(options(List.of(), Set.of(), true)).contains("-XX:AOTCache=" + linked);
    assertThat(options(List.of("-Xmx64g"), Set.of())).contains("-XX:AOTCache=" + linked);
    // Whether references are compressed depends on the collector.
    assertThat(options(List.of("-Xmx31g"), Set.of())).contains("-XX:SharedArchiveFile=" + parsed);
  }

  @Test
  void archivesAreMadeForTheHeapOfTheRunThatMakesThem() {
    Archives making = new Archives(null, folder, true, true);
    List<String> command = new ArrayList<>();
    making.make(command, "process", List.of("-Xmx256m"));
    making.make(command, "process", List.of("-Xmx40g"));
    assertThat(command)
        .containsExactly(
            "-XX:AOTCacheOutput=" + folder.resolve("process.aot"),
            "-XX:AOTCacheOutput=" + folder.resolve("process-uncompressed.aot"));
  }
}
