package dev.mpipool.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ClaimsTest {

  @TempDir Path folder;

  private List<String> names() throws IOException {
    try (Stream<Path> found = Files.list(folder)) {
      return found.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  private String claimOf(String host, String boot, long process, long started) {
    return "job old\nhost %s\nprocess %d\nstarted %d\nboot %s\nnamespace %s\nclaim x\n"
        .formatted(host, process, started, boot, ProcessId.own().namespace());
  }

  private String claimOfDeadNeighbour() {
    ProcessId own = ProcessId.own();
    return claimOf(own.host(), own.boot(), own.pid(), own.start() + 1);
  }

  @Test
  void aClaimedFolderIsNobodyElsesUntilItIsGivenBack() throws IOException {
    try (Claims one = new Claims("one");
        Claims two = new Claims("two")) {
      Claim claim = one.claim(folder).orElseThrow();

      assertThat(two.claim(folder)).isEmpty();
      assertThat(one.claim(folder)).isEmpty();
      assertThat(two.owner(folder))
          .hasValueSatisfying(
              owner ->
                  assertThat(owner)
                      .contains("job one", "host ", "process " + ProcessHandle.current().pid()));
      assertThat(claim.isHeld()).isTrue();
      claim.close();
      claim.close();
      assertThat(claim.isHeld()).isFalse();
      assertThat(two.owner(folder)).isEmpty();
      assertThat(two.claim(folder)).isPresent();
      assertThat(names()).containsExactly("claim.1");
    }
    assertThat(names()).isEmpty();
  }

  @Test
  void aLinkInPlaceOfAClaimIsNotWrittenThrough() throws IOException {
    Path diary = Files.writeString(folder.resolve("diary"), "dear");
    try (Claims claims = new Claims("job")) {
      Claim claim = claims.claim(folder).orElseThrow();
      Files.delete(folder.resolve("claim.1"));
      Files.createSymbolicLink(folder.resolve("claim.1"), diary);

      assertThatThrownBy(claim::refresh).isInstanceOf(IOException.class);
      assertThat(diary).hasContent("dear");
    }
  }

  @Test
  void theClaimOfADeadProcessOfThisMachineFallsAtOnce() throws IOException {
    Files.writeString(folder.resolve("claim.4"), claimOfDeadNeighbour());
    try (Claims claims = new Claims("job")) {
      assertThat(claims.owner(folder)).isEmpty();
      assertThat(claims.claim(folder)).isPresent();
      assertThat(names()).containsExactly("claim.5");
    }
  }

  @Test
  void leftoversOfSeveralCrashesFallTogether() throws IOException {
    Files.writeString(folder.resolve("claim.1"), claimOfDeadNeighbour());
    Files.writeString(folder.resolve("claim.2"), claimOfDeadNeighbour() + "again");
    try (Claims claims = new Claims("job")) {
      assertThat(claims.claim(folder)).isPresent();
      assertThat(names()).containsExactly("claim.3");
    }
  }

  @Test
  void theClaimOfAnotherMachineFallsWhenItIsNotKeptFresh() throws IOException {
    Path other = folder.resolve("claim.1");
    Files.writeString(other, claimOf("elsewhere", "other-boot", 1, 1));
    try (Claims claims = new Claims("job")) {
      assertThat(claims.claim(folder)).isEmpty();
      assertThat(claims.owner(folder)).isPresent();

      Files.setLastModifiedTime(other, FileTime.from(Instant.now().minus(Claims.STALE)));
      Files.setLastModifiedTime(
          other, FileTime.from(Instant.now().minus(Claims.STALE).minusSeconds(5)));
      assertThat(claims.claim(folder)).isPresent();
    }
  }

  @Test
  void anUnreadableClaimIsJudgedByItsAge() throws IOException {
    Files.createFile(folder.resolve("claim.1"));
    try (Claims claims = new Claims("job")) {
      assertThat(claims.claim(folder)).isEmpty();
      Files.setLastModifiedTime(
          folder.resolve("claim.1"), FileTime.from(Instant.now().minusSeconds(3_600)));
      assertThat(claims.claim(folder)).isPresent();
    }
  }

  @Test
  void aLivingClaimIsKeptFresh() throws IOException {
    try (Claims claims = new Claims("job", Duration.ofMillis(120))) {
      assertThat(claims.claim(folder)).isPresent();
      Path file = folder.resolve("claim.1");
      FileTime old = FileTime.from(Instant.now().minusSeconds(3_600));
      Files.setLastModifiedTime(file, old);
      await()
          .atMost(Duration.ofSeconds(10))
          .until(() -> Files.getLastModifiedTime(file).compareTo(old) > 0);
    }
  }

  @Test
  void anOwnerThatWasTakenForDeadIsTold() throws IOException {
    try (Claims claims = new Claims("job")) {
      Claim claim = claims.claim(folder).orElseThrow();
      Files.delete(folder.resolve("claim.1"));
      Files.writeString(folder.resolve("claim.1"), "another's");

      assertThat(claim.isHeld()).isFalse();
      claim.close();
      assertThat(names()).containsExactly("claim.1");
    }
  }

  @Test
  void ofManyWhoFindADeadClaimOneTakesTheFolder() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(6);
    AtomicInteger inside = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    AtomicInteger taken = new AtomicInteger();
    try (Claims claims = new Claims("job")) {
      for (int round = 0; round < 60; round++) {
        Files.writeString(folder.resolve("claim." + (1 + round % 3)), claimOfDeadNeighbour());
        Callable<Void> contender =
            () -> {
              for (int i = 0; i < 5; i++) {
                Optional<Claim> claim = claims.claim(folder);
                if (claim.isPresent()) {
                  most.accumulateAndGet(inside.incrementAndGet(), Math::max);
                  taken.incrementAndGet();
                  LockSupport.parkNanos(20_000);
                  inside.decrementAndGet();
                  claim.get().close();
                }
              }
              return null;
            };
        for (Future<Void> one :
            threads.invokeAll(List.of(contender, contender, contender, contender))) {
          one.get();
        }
      }
    }
    threads.shutdown();
    assertThat(most).hasValue(1);
    assertThat(taken).hasValueGreaterThan(30);
  }
}
