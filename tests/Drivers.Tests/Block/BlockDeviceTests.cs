using CsCheck;
using Xenlet.Kernel;

namespace Xenlet.Drivers.Tests;

/// <summary>Reads, writes and the rest, against an honest back end.</summary>
public sealed class BlockDeviceTests
{
    [Theory]
    [InlineData(512, 256, true)]
    [InlineData(512, 0, true)]
    [InlineData(512, 20, false)]
    [InlineData(4096, 256, false)]
    public async Task What_is_written_is_on_the_disk_and_is_read_back_at_every_length(
        int sectorSize, int indirectSegments, bool isPersistent)
    {
        using TestConnection connection = new(sectorSize: sectorSize, indirectSegments: indirectSegments, isPersistent: isPersistent);
        connection.Disk.Start();
        foreach (int length in (int[])[sectorSize, 4096, 8192 + sectorSize, 45056, 45056 + sectorSize, 262144, 262144 + sectorSize, 786432])
        {
            byte[] written = TestConnection.Pattern(length, length);
            byte[] read = new byte[length];
            await connection.Device.WriteAsync(3L * sectorSize, written).AsTask().WaitAsync(TestConnection.Patience);
            Assert.Equal(written, connection.Data.AsSpan(3 * sectorSize, length).ToArray());
            await connection.Device.ReadAsync(3L * sectorSize, read).AsTask().WaitAsync(TestConnection.Patience);
            Assert.Equal(written, read);
        }
    }

    [Fact]
    public async Task When_the_domain_ends_what_was_submitted_is_carried_out_and_what_comes_later_waits_until_the_disk_ends()
    {
        using TestConnection connection = new();
        Task[] before = [.. Enumerable.Range(0, 200).Select(i => connection.Device.WriteAsync(i * 512, new byte[512]).AsTask())];
        Task rest = connection.Device.ShutDown();
        using CancellationTokenSource impatient = new();
        Task late = connection.Device.WriteAsync(0, new byte[512]).AsTask();
        Task cancelled = connection.Device.FlushAsync(impatient.Token).AsTask();
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled.WaitAsync(TestConnection.Patience));
        Assert.False(rest.IsCompleted, "operations are under way");

        connection.Disk.Start();
        await rest.WaitAsync(TestConnection.Patience);
        await Task.WhenAll(before).WaitAsync(TestConnection.Patience);
        Assert.Equal(200, connection.Disk.Requests.Count);
        Assert.False(late.IsCompleted, "the disk takes what is new");
        Assert.Equal((0, 1), (connection.Device.Statistics.RequestsUnderWay, connection.Device.Statistics.Waiting));
        connection.Device.Close("the test is over");
        await Assert.ThrowsAsync<BlockDeviceGoneException>(() => late.WaitAsync(TestConnection.Patience));
    }

    [Fact]
    public async Task When_the_domain_ends_a_back_end_that_has_gone_is_not_waited_for()
    {
        using TestConnection connection = new();
        Task write = connection.Device.WriteAsync(0, new byte[512]).AsTask();
        Task rest = connection.Device.ShutDown();
        Assert.False(rest.IsCompleted, "an operation is under way");
        connection.Device.Close("its back end has ended");
        await rest.WaitAsync(TestConnection.Patience);
        await Assert.ThrowsAsync<BlockDeviceGoneException>(() => write.WaitAsync(TestConnection.Patience));
        Assert.True(connection.Device.ShutDown().IsCompleted, "a disk that is gone is at rest");
    }

    [Fact]
    public async Task A_large_read_is_few_requests_one_notification_and_within_the_pool()
    {
        using TestConnection connection = new(options: new BlockOptions { MaxPoolPages = 100 });
        int before = connection.Disk.Channel.Notifications;
        Task read = connection.Device.ReadAsync(0, new byte[1 << 20]).AsTask();
        Assert.Equal(before + 1, connection.Disk.Channel.Notifications);
        connection.Disk.Start();
        await read.WaitAsync(TestConnection.Patience);
        Assert.InRange(connection.Disk.Requests.Count, 4, 30);
        Assert.InRange(connection.Machine.Pages, 1, 100 + 2);
    }

    [Fact]
    public async Task Hundreds_of_operations_wait_their_turn_in_order()
    {
        using TestConnection connection = new();
        byte[] data = TestConnection.Pattern(500 * 512);
        Task[] writes = [.. Enumerable.Range(0, 500).Select(
            i => connection.Device.WriteAsync(i * 512, data.AsMemory(i * 512, 512)).AsTask())];
        Assert.All(writes, write => Assert.False(write.IsCompleted));
        connection.Disk.Start();
        await Task.WhenAll(writes).WaitAsync(TestConnection.Patience);
        Assert.Equal(data, connection.Data.AsSpan(0, data.Length).ToArray());
        Assert.Equal(Enumerable.Range(0, 500).Select(i => (ulong)i), connection.Disk.Requests.Select(request => request.Sector));
    }

    [Fact]
    public async Task A_back_end_that_answers_in_any_order_serves_as_well()
    {
        using TestConnection connection = new();
        connection.Disk.Reordering = new Random(4);
        connection.Disk.Start();
        byte[] data = TestConnection.Pattern(1 << 20);
        await Task.WhenAll(
            Enumerable.Range(0, 256).Select(i => connection.Device.WriteAsync(i * 4096, data.AsMemory(i * 4096, 4096)).AsTask()))
            .WaitAsync(TestConnection.Patience);
        byte[] read = new byte[1 << 20];
        await connection.Device.ReadAsync(0, read).AsTask().WaitAsync(TestConnection.Patience);
        Assert.Equal(data, read);
    }

    [Theory]
    [InlineData(-512, 512)]
    [InlineData(0, (1 << 20) + 512)]
    [InlineData(1 << 20, 512)]
    [InlineData(long.MaxValue - 511, 512)]
    [InlineData(1, 512)]
    [InlineData(512, 1)]
    public void What_is_not_whole_sectors_of_the_disk_is_refused_before_anything_is_sent(long offset, int length)
    {
        using TestConnection connection = new();
        Assert.ThrowsAny<ArgumentException>(() => { _ = connection.Device.ReadAsync(offset, new byte[length]); });
        Assert.ThrowsAny<ArgumentException>(() => { _ = connection.Device.WriteAsync(offset, new byte[length]); });
        Assert.ThrowsAny<ArgumentException>(() => { _ = connection.Device.DiscardAsync(offset, length); });
        Assert.Empty(connection.Disk.Take());
    }

    [Fact]
    public void Nothing_is_read_or_written_at_the_end_without_a_request()
    {
        using TestConnection connection = new();
        Assert.True(connection.Device.ReadAsync(1 << 20, Memory<byte>.Empty).IsCompletedSuccessfully);
        Assert.True(connection.Device.WriteAsync(1 << 20, Memory<byte>.Empty).IsCompletedSuccessfully);
        Assert.Empty(connection.Disk.Take());
    }

    [Fact]
    public void A_read_only_disk_refuses_writes_and_discards_and_says_so()
    {
        using TestConnection connection = new();
        connection.Features = connection.Features with { Info = BlockProtocol.InfoReadOnly | BlockProtocol.InfoCdRom };
        connection.Resume();
        Assert.True(connection.Device is { IsReadOnly: true, IsRemovable: true });
        Assert.Throws<UnauthorizedAccessException>(() => { _ = connection.Device.WriteAsync(0, new byte[512]); });
        Assert.Throws<UnauthorizedAccessException>(() => { _ = connection.Device.DiscardAsync(0, 512); });
        Assert.Empty(connection.Disk.Take());
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(-3)]
    [InlineData(-2)]
    public async Task An_error_names_disk_operation_and_place_and_the_disk_works_on(short status)
    {
        using TestConnection connection = new();
        connection.Disk.Refuse = request => request.Sector == 8 ? (BlockStatus)status : null;
        connection.Disk.Start();
        BlockIOException failed = await Assert.ThrowsAsync<BlockIOException>(
            () => connection.Device.ReadAsync(4096, new byte[512]).AsTask());
        Assert.Equal(
            ("xvda", "read", 4096L, 512L, (int)status), (failed.Disk, failed.Operation, failed.Offset, failed.Length, failed.Status));
        Assert.Equal($"xvda: the back end failed to read 512 bytes at 4096 (status {status})", failed.Message);
        failed = await Assert.ThrowsAsync<BlockIOException>(() => connection.Device.WriteAsync(4096, new byte[1024]).AsTask());
        Assert.Equal(("write", 1024L), (failed.Operation, failed.Length));
        await connection.Device.ReadAsync(0, new byte[512]);
    }

    [Fact]
    public async Task Of_a_large_operation_the_request_that_failed_is_named()
    {
        using TestConnection connection = new(options: new BlockOptions { MaxSegments = 8 });
        connection.Disk.Refuse = request => request.Sector == 128 ? BlockStatus.Error : null;
        connection.Disk.Start();
        BlockIOException failed = await Assert.ThrowsAsync<BlockIOException>(
            () => connection.Device.ReadAsync(0, new byte[1 << 20]).AsTask());
        Assert.Equal((65536L, 32768L), (failed.Offset, failed.Length));
    }

    [Fact]
    public async Task A_flush_or_discard_that_the_back_end_does_not_know_is_switched_off()
    {
        using TestConnection connection = new();
        connection.Disk.Refuse = request => BlockStatus.NotSupported;
        connection.Disk.Start();
        Assert.True(connection.Device is { CanFlush: true, CanDiscard: true });
        await Assert.ThrowsAsync<NotSupportedException>(() => connection.Device.FlushAsync().AsTask());
        await Assert.ThrowsAsync<NotSupportedException>(() => connection.Device.DiscardAsync(0, 512).AsTask());
        Assert.True(connection.Device is { CanFlush: false, CanDiscard: false });
        Assert.Throws<NotSupportedException>(() => { _ = connection.Device.FlushAsync(); });
        Assert.Throws<NotSupportedException>(() => { _ = connection.Device.DiscardAsync(0, 512); });
        Assert.Equal(2, connection.Disk.Requests.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_flush_is_a_flush_or_a_barrier_as_the_back_end_has_it_and_a_discard_says_where(bool isBarrier)
    {
        using TestConnection connection = new();
        connection.Features = connection.Features with
        {
            Flush = isBarrier ? BlockRequestKind.WriteBarrier : BlockRequestKind.FlushDiskCache,
        };
        connection.Resume().Start();
        connection.Data.AsSpan().Fill(7);
        await connection.Device.FlushAsync().AsTask().WaitAsync(TestConnection.Patience);
        await connection.Device.DiscardAsync(4096, 8192).AsTask().WaitAsync(TestConnection.Patience);
        Assert.Equal(isBarrier ? BlockRequestKind.WriteBarrier : BlockRequestKind.FlushDiskCache, connection.Disk.Requests[0].Kind);
        Assert.Equal((BlockRequestKind.Discard, 8ul, 16ul, (ushort)1),
            (connection.Disk.Requests[1].Kind, connection.Disk.Requests[1].Sector, connection.Disk.Requests[1].Sectors,
                connection.Disk.Requests[1].Handle));
        Assert.Equal((7, 0, 0, 7), (connection.Data[4095], connection.Data[4096], connection.Data[12287], connection.Data[12288]));
    }

    [Fact]
    public async Task A_cancelled_operation_ends_at_once_and_its_buffer_is_not_touched_any_more()
    {
        using TestConnection connection = new();
        connection.Data.AsSpan().Fill(9);
        using CancellationTokenSource source = new();
        byte[] buffer = new byte[1 << 20];
        Task sent = connection.Device.ReadAsync(0, buffer, source.Token).AsTask();
        Task waiting = connection.Device.ReadAsync(0, buffer, source.Token).AsTask();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sent);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        byte[] other = new byte[512];
        Task next = connection.Device.ReadAsync(0, other).AsTask();
        connection.Disk.Start();
        await next.WaitAsync(TestConnection.Patience);
        Assert.Equal(9, other[0]);
        Assert.Equal(-1, buffer.AsSpan().IndexOfAnyExcept((byte)0));
        Assert.True(connection.Device.ReadAsync(0, buffer, source.Token).IsCanceled);
    }

    [Fact]
    public async Task A_buffer_that_cannot_be_used_is_its_owners_affair_alone()
    {
        using TestConnection connection = new();
        connection.Disk.Start();
        TestPage page = (TestPage)connection.Machine.Allocate();
        Memory<byte> memory = new DisposableMemory().Memory;
        page.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => connection.Device.WriteAsync(0, memory).AsTask());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => connection.Device.ReadAsync(0, memory).AsTask());
        await connection.Device.ReadAsync(0, new byte[512]).AsTask().WaitAsync(TestConnection.Patience);
    }

    [Fact]
    public async Task Without_a_page_an_operation_fails_and_with_one_again_the_next_does_not()
    {
        using TestConnection connection = new();
        connection.Disk.Start();
        connection.Machine.PageLimit = connection.Machine.Pages;
        await Assert.ThrowsAsync<InsufficientMemoryException>(() => connection.Device.ReadAsync(0, new byte[512]).AsTask());
        connection.Machine.PageLimit++;
        byte[] read = new byte[65536];
        byte[] data = TestConnection.Pattern(65536);
        data.CopyTo(connection.Data, 0);
        await connection.Device.ReadAsync(0, read).AsTask().WaitAsync(TestConnection.Patience);
        Assert.Equal(data, read);
    }

    [Fact]
    public async Task A_task_awaited_twice_harms_nobody_else()
    {
        using TestConnection connection = new();
        connection.Disk.Start();
        ValueTask first = connection.Device.ReadAsync(0, new byte[512]);
        await first;
        for (int i = 0; i < 10; i++)
        {
            try
            {
                await first;
            }
            catch (InvalidOperationException)
            {
            }

            ValueTask one = connection.Device.ReadAsync(0, new byte[512]);
            ValueTask other = connection.Device.ReadAsync(512, new byte[512]);
            await one;
            await other;
        }
    }

    [Fact]
    public async Task A_caller_that_blocks_its_thread_holds_up_nobody()
    {
        using TestConnection connection = new();
        connection.Disk.Start();
        await Task.Run(async () =>
        {
            Task other = connection.Device.ReadAsync(512, new byte[512]).AsTask();
            await connection.Device.ReadAsync(0, new byte[512]).ConfigureAwait(false);
            Assert.True(other.Wait(TestConnection.Patience));
            Assert.True(connection.Device.ReadAsync(0, new byte[512]).AsTask().Wait(TestConnection.Patience));
        }).WaitAsync(TestConnection.Patience);
    }

    [Fact]
    public async Task Reading_and_writing_makes_no_garbage()
    {
        using TestConnection connection = new();
        byte[] buffer = new byte[65536];
        for (int i = 0; i < 100; i++)
        {
            await RoundAsync();
        }

        long allocated = 0;
        for (int i = 0; i < 100; i++)
        {
            allocated += await RoundAsync();
        }

        Assert.Equal(0, allocated);

        // Allocations are counted on this thread, around a submission to the driver. This thread takes the responses too.
        async Task<long> RoundAsync()
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            ValueTask read = connection.Device.ReadAsync(0, buffer);
            ValueTask write = connection.Device.WriteAsync(65536, buffer.AsMemory(0, 4096));
            long after = GC.GetAllocatedBytesForCurrentThread();
            connection.Disk.Serve();
            await read.ConfigureAwait(false);
            await write.ConfigureAwait(false);
            return after - before;
        }
    }

    [Fact]
    public void Against_a_model_random_operations_read_what_was_written_whatever_the_back_end_can_and_whenever_it_is_resumed() =>
        Gen.Select(
            Gen.Int[0, int.MaxValue],
            Gen.OneOf(Gen.Const(0), Gen.Const(11), Gen.Const(20), Gen.Const(256)),
            Gen.Int[1, 40],
            Gen.Bool).Sample((seed, indirect, poolPages, persistent) =>
        {
            Random random = new(seed);
            int sectorSize = 512 << random.Next(4);
            using TestConnection connection = new(
                length: 256 << 10, new BlockOptions
                {
                    RingPages = 1 << random.Next(3),
                    MaxPoolPages = poolPages,
                    MaxSegments = random.Next(1, 65),
                },
                sectorSize, indirect, persistent);
            byte[] model = new byte[connection.Data.Length];
            connection.Disk.Reordering = new Random(seed);
            Task last = Task.CompletedTask;
            for (int round = 0; round < 10; round++)
            {
                // Operations of one round touch different sectors, so that their order does not matter.
                List<Task> round1 = [];
                List<(byte[] Read, int Offset)> reads = [];
                for (int offset = 0; offset < model.Length;)
                {
                    offset += random.Next(4) * sectorSize;
                    int length = Math.Min(random.Next(1, 60) * sectorSize, model.Length - offset);
                    if (length <= 0)
                    {
                        break;
                    }

                    if (random.Next(2) == 0)
                    {
                        byte[] data = TestConnection.Pattern(length, random.Next());
                        data.CopyTo(model, offset);
                        round1.Add(connection.Device.WriteAsync(offset, data).AsTask());
                    }
                    else
                    {
                        byte[] read = new byte[length];
                        reads.Add((read, offset));
                        round1.Add(connection.Device.ReadAsync(offset, read).AsTask());
                    }

                    offset += length;
                    switch (random.Next(20))
                    {
                        case 0:
                            connection.Resume().Reordering = new Random(seed + round);
                            break;
                        case 1:
                            connection.Device.Quiesce();
                            connection.Disk.Serve();
                            connection.Device.Unquiesce();
                            break;
                        case < 8:
                            connection.Disk.Serve();
                            break;
                    }
                }

                last = Task.WhenAll(round1);
                SpinWait.SpinUntil(
                    () =>
                    {
                        connection.Disk.Serve();
                        return last.IsCompleted;
                    }, TestConnection.Patience);
                Assert.True(last.IsCompletedSuccessfully, last.Exception?.ToString() ?? "an operation hangs");
                Assert.All(reads, read => Assert.Equal(model.AsSpan(read.Offset, read.Read.Length).ToArray(), read.Read));
                Assert.Equal(model, connection.Data);
            }
        }, iter: 100);

    private sealed class DisposableMemory : System.Buffers.MemoryManager<byte>
    {
        private bool _isDisposed;

        public override Memory<byte> Memory => CreateMemory(512);

        public override Span<byte> GetSpan() => throw new ObjectDisposedException(nameof(DisposableMemory), $"{_isDisposed}");

        public override System.Buffers.MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException();

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing) => _isDisposed = true;
    }
}
