using Xenlet.Tests.SharedMemory;

namespace Xenlet.Drivers.Tests.SharedMemory;

/// <summary>The pages of a disk's ring change under the driver: between any two reads of them, and on another processor.</summary>
[Collection(ChangingRingTests.Name)]
public sealed class ChangingDiskTests
{
    private const int Seeds = 200;
    private const int Sector = 512;
    private const int Largest = 32 * Sector;
    private const byte Guard = 0xA5;

    [Fact]
    public void Whatever_each_read_of_the_ring_gives_every_operation_ends_once_and_nothing_else_is_written() =>
        Assert.InRange((int)RewrittenCode.Run(Play, Seeds, false)!, Seeds / 10, Seeds * 9 / 10);

    [Fact]
    public void Whatever_another_processor_scribbles_every_operation_ends_once_and_nothing_else_is_written() => Play(Seeds / 4, true);

    /// <summary>Plays a disk for each seed, and gives back how many of them were closed because the back end broke the protocol.</summary>
    private static int Play(int seeds, bool isOnThread)
    {
        int broken = 0;
        for (int seed = 0; seed < seeds; seed++)
        {
            try
            {
                broken += IsBroken(seed, isOnThread) ? 1 : 0;
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"with seed {seed}: {error.Message}", error);
            }
        }

        return broken;
    }

    private static bool IsBroken(int seed, bool isOnThread)
    {
        Random random = new(seed);
        TestMachine machine = new();
        Exception? reason = null;
        BlockDevice device = new("xvda") { Ended = (_, error) => reason = error };
        BlockConnection connection = new(device, machine, machine, 0, ringPages: 2, handle: 1, new BlockOptions { MaxPoolPages = 40 });
        TestMapping[] mappings = [.. connection.RingReferences.Select(reference => machine.Map(reference, 0))];
        byte[][] pages = [.. mappings.Select(mapping => mapping.Bytes)];
        BackRing<BlockRequest, BlockResponse> back = new(pages, 112);
        device.Open(connection);
        device.Connect(TestFeatures.OfDisk());
        List<Task> operations = [];
        List<byte[]> buffers = [];
        using (ChangingPages changing = new(seed, isOnThread, pages[0]))
        {
            for (int i = 0; i < 30 && device.IsPresent; i++)
            {
                Submit(device, random, operations, buffers);
                Answer(back, random);
                device.Process(connection, out BlockOperation? ended, out _);
                BlockDevice.Complete(ended);
            }
        }

        Assert.True(reason is null or BrokenRingException, $"the disk was closed by {reason}");
        device.Close("the test is over");
        Assert.True(
            ((IAsyncResult)Task.WhenAll(operations)).AsyncWaitHandle.WaitOne(TestConnection.Patience),
            $"{operations.Count(operation => !operation.IsCompleted)} operations of {operations.Count} have not ended");
        Assert.All(operations, operation => Assert.True(
            operation.Exception is not { InnerException: not (BlockIOException or BlockDeviceGoneException or NotSupportedException) },
            $"an operation ended with {operation.Exception}"));
        Assert.All(buffers, buffer => Assert.Equal(-1, Math.Max(
            buffer.AsSpan(0, Sector).IndexOfAnyExcept(Guard), buffer.AsSpan(^Sector..).IndexOfAnyExcept(Guard))));
        foreach (TestMapping mapping in mappings)
        {
            mapping.Dispose();
        }

        Assert.Equal((0, 0, 0), (machine.Pages, machine.Grants, machine.Channels));
        return reason is not null;
    }

    private static void Submit(BlockDevice device, Random random, List<Task> operations, List<byte[]> buffers)
    {
        int length = random.Next(1, Largest / Sector) * Sector;
        byte[] buffer = new byte[length + (2 * Sector)];
        buffer.AsSpan().Fill(Guard);
        buffers.Add(buffer);
        Memory<byte> middle = buffer.AsMemory(Sector, length);
        try
        {
            operations.Add((random.Next(8) switch
            {
                0 => device.FlushAsync(),
                1 => device.DiscardAsync(0, length),
                2 or 3 => device.WriteAsync(0, middle),
                _ => device.ReadAsync(Sector, middle),
            }).AsTask());
        }
        catch (Exception error) when (error is NotSupportedException or BlockDeviceGoneException)
        {
            // The back end has said before that it does not do this, or broke the ring.
        }
    }

    /// <summary>Answers some of the requests, as far as they can still be read.</summary>
    private static void Answer(BackRing<BlockRequest, BlockResponse> back, Random random)
    {
        for (int i = random.Next(4); i > 0 && back.TryTake(out BlockRequest request); i--)
        {
            back.Put(new BlockResponse { Id = request.Id, Kind = TestDisk.KindOf(request), Status = (BlockStatus)random.Next(-2, 1) });
        }

        back.Publish();
    }
}
