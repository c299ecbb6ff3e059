package dev.mpipool.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What killed launchers leave is removed by later ones, and nothing else. */
@Timeout(60)
class PresenceFileTest {

  @TempDir Path folder;

  /** A launcher, as far as its file is concerned. */
  public static final class Holder {
    private Holder() {}

    public static void main(String[] args) throws IOException {
      System.out.println(PresenceFile.create(Path.of(args[0])).path());
      if (System.in.read() < 0) {
        return;
      }
    }
  }

  private record Launcher(Process process, Path file) {}

  private Launcher launcher() throws IOException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Holder.class.getName(),
                folder.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    String line =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))
            .readLine();
    return new Launcher(process, Path.of(line));
  }

  @Test
  void whatAKilledLauncherLeftIsRemovedByTheNextAndNotThatOfALivingOne() throws Exception {
    Launcher living = launcher();
    Launcher killed = launcher();
    killed.process().destroyForcibly().waitFor();
    assertThat(killed.file()).exists();

    PresenceFile next = PresenceFile.create(folder);
    assertThat(killed.file()).doesNotExist();
    assertThat(living.file()).exists();
    assertThat(next.path()).exists();

    living.process().getOutputStream().close();
    assertThat(living.process().waitFor()).isZero();
    assertThat(living.file()).doesNotExist();
  }

  /** Other launchers look for files that were left at any time. */
  @Test
  void aFileThatIsRemovedWhileItIsMadeIsMadeAgain() throws Exception {
    AtomicBoolean ended = new AtomicBoolean();
    Thread remover = new Thread(() -> removeUntil(ended));
    remover.start();
    try {
      List<PresenceFile> locked = new ArrayList<>(); // a file that is closed gives its number away
      for (int i = 0; i < 300; i++) {
        locked.add(PresenceFile.create(folder));
        Files.deleteIfExists(locked.get(i).path()); // a launcher has one of its own
      }
      assertThat(locked).extracting(PresenceFile::path).doesNotHaveDuplicates();
    } finally {
      ended.set(true);
      remover.join();
    }
  }

  private void removeUntil(AtomicBoolean ended) {
    File[] none = {};
    while (!ended.get()) {
      for (File file : Objects.requireNonNullElse(folder.toFile().listFiles(), none)) {
        boolean ignored = file.delete();
      }
    }
  }

  @Test
  void whatRank0WritesIsSeen() throws IOException {
    PresenceFile file = PresenceFile.create(folder);
    assertThat(file.isPresent()).isFalse();
    Files.writeString(file.path(), "present");
    assertThat(file.isPresent()).isTrue();
    Files.writeString(file.path(), "");
    assertThat(file.isPresent()).isFalse();
  }

  @Test
  void linksAndFilesOfOtherNamesStay() throws IOException {
    Path target = Files.createFile(folder.resolve("target"));
    Path link = folder.resolve("mpipool-native1.presence");
    Files.createSymbolicLink(link, target);
    Path other = Files.createFile(folder.resolve("native.presence"));
    PresenceFile.create(folder);
    assertThat(Files.exists(link, LinkOption.NOFOLLOW_LINKS)).isTrue();
    assertThat(List.of(target, other)).allMatch(Files::exists);
  }

  @Test
  void thoseOfOthersStay() throws IOException {
    assumeTrue(System.getProperty("user.name").equals("root"), "only root can give files away");
    Path others = Files.createFile(folder.resolve("mpipool-native2.presence"));
    Files.setOwner(
        others,
        folder.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName("nobody"));
    PresenceFile.create(folder);
    assertThat(others).exists();
  }
}
