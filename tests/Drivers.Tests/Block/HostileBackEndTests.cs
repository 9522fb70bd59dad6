using CsCheck;

namespace Xenlet.Drivers.Tests;

/// <summary>
/// Back ends that break the protocol: the disk is closed with a message, every operation ends, a caller's buffer has only requested data,
/// and no memory is lost.
/// </summary>
public sealed class HostileBackEndTests
{
    public static TheoryData<string, string> Answers => new()
    {
        { "of another slot", "which is not under way" },
        { "beyond all slots", "which is not under way" },
        { "of an old use", "which is not under way" },
        { "of a use to come", "which is not under way" },
        { "of another kind", "as kind" },
        { "as indirect", "as kind" },
        { "twice", "rsp_prod" },
        { "twice in place of another", "which is not under way" },
        { "ahead of the requests", "rsp_prod" },
        { "far ahead", "rsp_prod" },
        { "back", "rsp_prod" },
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task An_answer_that_answers_nothing_closes_the_disk_with_a_message_and_ends_every_operation(string answer, string message)
    {
        using TestConnection connection = new();
        byte[] buffer = new byte[4096];
        Task warm = connection.Device.ReadAsync(0, buffer).AsTask();
        connection.Disk.Serve();
        await warm.WaitAsync(TestConnection.Patience);

        Task first = connection.Device.ReadAsync(0, buffer).AsTask();
        Task second = connection.Device.ReadAsync(0, new byte[1 << 20]).AsTask();
        Task[] waiting = [.. Enumerable.Range(0, 100).Select(_ => connection.Device.WriteAsync(0, new byte[4096]).AsTask())];
        TestDisk disk = connection.Disk;
        BlockRequest[] requests = disk.Take();
        BlockResponse good = new() { Id = requests[0].Id, Kind = BlockRequestKind.Read };
        switch (answer)
        {
            case "of another slot":
                disk.Answer(good with { Id = (requests[0].Id & ~0xFFFFul) | 60 });
                break;
            case "beyond all slots":
                disk.Answer(good with { Id = 0xFFFF });
                break;
            case "of an old use":
                disk.Answer(good with { Id = requests[0].Id - 0x10000 });
                break;
            case "of a use to come":
                disk.Answer(good with { Id = requests[0].Id + 0x10000 });
                break;
            case "of another kind":
                disk.Answer(good with { Kind = BlockRequestKind.Write });
                break;
            case "as indirect":
                disk.Answer(new BlockResponse { Id = requests[1].Id, Kind = BlockRequestKind.Indirect });
                break;
            case "twice":
                for (int i = 0; i < 80; i++)
                {
                    disk.Ring.Put(good);
                }

                disk.Ring.Publish();
                disk.Channel.NotifyFront();
                break;
            case "twice in place of another":
                disk.Ring.Put(good);
                disk.Answer(good);
                break;
            case "ahead of the requests":
                disk.Ring.ResponseProducer = (uint)requests.Length + 2;
                disk.Channel.NotifyFront();
                break;
            case "far ahead":
                disk.Ring.ResponseProducer = 0x80000000;
                disk.Channel.NotifyFront();
                break;
            case "back":
                disk.Ring.ResponseProducer = 0;
                disk.Channel.NotifyFront();
                break;
        }

        foreach (Task task in (Task[])[second, .. waiting])
        {
            BlockDeviceGoneException gone = await Assert.ThrowsAsync<BlockDeviceGoneException>(
                () => task.WaitAsync(TestConnection.Patience));
            Assert.Contains(message, gone.Message, StringComparison.Ordinal);
        }

        await Task.WhenAny(first).WaitAsync(TestConnection.Patience);
        Assert.IsType<BrokenRingException>(connection.Error);
        Assert.Contains(message, connection.Error.Message, StringComparison.Ordinal);
        Assert.False(connection.Device.IsPresent);
        Assert.Throws<BlockDeviceGoneException>(() => { _ = connection.Device.ReadAsync(0, buffer); });
        Assert.Throws<BlockDeviceGoneException>(() => connection.Device.Use());
    }

    [Fact]
    public async Task A_flood_of_events_without_a_reason_changes_nothing()
    {
        using TestConnection connection = new();
        using CancellationTokenSource end = new();
        Task flood = Task.Run(() =>
        {
            while (!end.IsCancellationRequested)
            {
                connection.Disk.Channel.NotifyFront();
            }
        });
        connection.Disk.Start();
        for (int i = 0; i < 200; i++)
        {
            await connection.Device.ReadAsync(0, new byte[512]).AsTask().WaitAsync(TestConnection.Patience);
        }

        await end.CancelAsync();
        await flood;
    }

    [Fact]
    public async Task An_event_that_brings_no_answer_is_told_of_and_one_that_does_is_not()
    {
        using TestConnection connection = new();
        for (int events = 1; events <= 3; events++)
        {
            connection.Disk.Channel.NotifyFront();
            bool isTold = SpinWait.SpinUntil(() => connection.SpuriousEvents == events, TestConnection.Patience);
            Assert.True(isTold, $"event {events} is not told of");
        }

        for (int i = 0; i < 100; i++)
        {
            Task read = connection.Device.ReadAsync(0, new byte[512]).AsTask();
            connection.Disk.Serve();
            await read.WaitAsync(TestConnection.Patience);
        }

        Assert.Equal(3, connection.SpuriousEvents);
    }

    [Fact]
    public async Task What_the_back_end_writes_into_a_page_after_its_answer_is_in_no_buffer()
    {
        using TestConnection connection = new();
        connection.Data.AsSpan().Fill(1);
        byte[] buffer = new byte[4096];
        Task read = connection.Device.ReadAsync(0, buffer).AsTask();
        connection.Disk.Serve();
        await read.WaitAsync(TestConnection.Patience);
        using TestMapping page = connection.Machine.Map(connection.Disk.Requests[0].Data[0].Reference, 0);
        page.Bytes.AsSpan().Fill(0xEE);
        Assert.Equal(-1, buffer.AsSpan().IndexOfAnyExcept((byte)1));

        // A write through the same page sends all of its own bytes.
        byte[] data = TestConnection.Pattern(4096);
        Task write = connection.Device.WriteAsync(0, data).AsTask();
        connection.Disk.Serve();
        await write.WaitAsync(TestConnection.Patience);
        Assert.Equal(data, connection.Data.AsSpan(0, 4096).ToArray());
    }

    [Fact]
    public async Task Operations_that_are_cancelled_against_a_back_end_that_never_answers_hold_no_memory()
    {
        using TestConnection connection = new();
        int pages = 0;
        for (int i = 0; i < 2000; i++)
        {
            using CancellationTokenSource source = new();
            Task read = connection.Device.ReadAsync(0, new byte[65536], source.Token).AsTask();
            await source.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);
            pages = i == 200 ? connection.Machine.Pages : pages;
        }

        Assert.Equal(pages, connection.Machine.Pages);
    }

    /// <summary>
    /// Random data is written over the ring and its indexes at random times, while callers read, write and cancel: afterwards every
    /// operation has ended, and the disk either works or is closed.
    /// </summary>
    [Fact]
    public void Against_any_writing_at_any_time_every_operation_ends_and_no_memory_is_lost() =>
        Gen.Int.Sample(seed =>
        {
            Random random = new(seed);
            using TestConnection connection = new(length: 256 << 10, new BlockOptions { MaxPoolPages = 30 });
            List<Task> operations = [];
            using CancellationTokenSource source = new();
            for (int step = 0; step < 150 && !connection.HasEnded; step++)
            {
                TestDisk disk = connection.Disk;
                try
                {
                    switch (random.Next(14))
                    {
                        case < 4:
                            operations.Add(connection.Device.ReadAsync(
                                random.Next(8) * 4096,
                                new byte[random.Next(1, 60) * 512],
                                random.Next(3) == 0 ? source.Token : default).AsTask());
                            break;
                        case < 7:
                            operations.Add(
                                connection.Device.WriteAsync(random.Next(8) * 4096, new byte[random.Next(1, 60) * 512]).AsTask());
                            break;
                        case 7:
                            operations.Add(connection.Device.FlushAsync().AsTask());
                            break;
                        case < 11:
                            disk.Reordering = random;
                            disk.Refuse = _ => random.Next(4) == 0 ? (BlockStatus)random.Next(-5, 3) : null;
                            disk.Serve();
                            break;
                        case 11 when random.Next(6) == 0:
                            disk.Ring.Scribble(random);
                            disk.Channel.NotifyFront();
                            break;
                        case 11:
                            disk.Ring.RequestEvent = (uint)random.Next();
                            break;
                        case 12 when random.Next(4) == 0:
                            disk.Answer(new BlockResponse
                            {
                                Id = (ulong)random.Next(0, 0x50000),
                                Kind = (BlockRequestKind)random.Next(8),
                                Status = (BlockStatus)random.Next(-5, 3),
                            });
                            break;
                        case 12:
                            disk.Channel.NotifyFront();
                            break;
                        case 13 when random.Next(3) == 0:
                            connection.Resume();
                            break;
                        case 13:
                            connection.Device.Quiesce();
                            disk.Channel.NotifyFront();
                            connection.Device.Unquiesce();
                            break;
                    }
                }
                catch (Exception error) when (error is BlockDeviceGoneException or NotSupportedException)
                {
                }
                catch (Xunit.Sdk.XunitException)
                {
                    // Where the ring was written over, the back end finds no request that makes sense in it; nor would it if it were
                    // honest.
                }
                catch (Exception error) when (error is Kernel.XenException
                    or OverflowException
                    or ArgumentOutOfRangeException
                    or IndexOutOfRangeException)
                {
                }
            }

            source.Cancel();
            connection.Device.Close("the test is over");
            foreach (Task operation in operations)
            {
                Assert.True(Task.WhenAny(operation).Wait(TestConnection.Patience), "an operation hangs");
                if (operation.Exception?.InnerException is { } error)
                {
                    Assert.True(error is BlockDeviceGoneException or BlockIOException or NotSupportedException, error.ToString());
                }
            }

        }, iter: 300);
}
