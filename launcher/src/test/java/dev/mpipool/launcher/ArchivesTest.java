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
    List<String> command = new ArrayList<>();
    new Archives(folder, null, false).use(command, "process", ofUser, variables);
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
        "-Xmx64g",
        "-Xmxhuge",
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
}
