using Xenlet.Drivers;
using Xenlet.Drivers.Tests;

namespace Xenlet.Fuzz.Targets;

/// <summary>
/// The ring of a disk's back end that answers anything: every operation ends once, and nothing but its buffer is written.
/// </summary>
internal static class BlockRings
{
    private const int Sector = 512;
    private const byte Guard = 0xA5;
    private const int MostOperations = 60;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    public static void Run(byte[] input)
    {
        Script script = new(input);
        TestMachine machine = new();
        Exception? reason = null;
        BlockDevice device = new("xvda") { Ended = (_, error) => reason = error };
        BlockConnection connection = new(
            device, machine, machine, 0, ringPages: 1, handle: 1, new BlockOptions { MaxPoolPages = 1 + script.Below(40) });
        using TestMapping mapping = machine.Map(connection.RingReferences[0], 0);
        BackRing<BlockRequest, BlockResponse> back = new([mapping.Bytes], 112);
        List<BlockRequest> taken = [];
        List<(Task Task, byte[] Buffer)> operations = [];
        device.Open(connection);
        device.Connect(TestFeatures.OfDisk());
        while (!script.AtEnd && device.IsPresent && operations.Count < MostOperations)
        {
            Step(script, device, back, taken, operations);
            device.Process(connection, out BlockOperation? ended, out _);
            BlockDevice.Complete(ended);
        }

        Assert.True(reason is null or BrokenRingException, $"the disk was closed by {reason}");
        device.Close("the test is over");
        mapping.Dispose();
        Check(operations);
        Assert.Equal((0, 0, 0), (machine.Pages, machine.Grants, machine.Channels));
    }

    private static void Step(
        Script script,
        BlockDevice device,
        BackRing<BlockRequest, BlockResponse> back,
        List<BlockRequest> taken,
        List<(Task Task, byte[] Buffer)> operations)
    {
        switch (script.Below(8))
        {
            case 0:
                back.ResponseProducer = script.Near(back.ResponseProducer);
                break;
            case 1:
                BlockRequestKind kind = (BlockRequestKind)script.Byte();
                back.Put(new BlockResponse { Id = script.UInt32(), Kind = kind, Status = (BlockStatus)script.UInt16() });
                back.ResponseProducer++;
                break;
            case 2 or 3:
                if (back.TryTake(out BlockRequest request))
                {
                    taken.Add(request);
                }

                break;
            case 4 or 5 when taken.Count > 0:
                int index = script.Below(taken.Count);
                kind = taken[index].Kind == BlockRequestKind.Indirect ? taken[index].IndirectKind : taken[index].Kind;
                BlockResponse answer = new() { Id = taken[index].Id, Kind = kind, Status = (BlockStatus)(-script.Below(4)) };
                back.Put(answer);
                back.ResponseProducer++;
                if (script.Below(8) != 0)
                {
                    taken.RemoveAt(index);
                }

                break;
            default:
                Submit(script, device, operations);
                break;
        }
    }

    private static void Submit(Script script, BlockDevice device, List<(Task Task, byte[] Buffer)> operations)
    {
        int length = (1 + script.Below(64)) * Sector;
        byte[] buffer = new byte[length + (2 * Sector)];
        buffer.AsSpan().Fill(Guard);
        Memory<byte> middle = buffer.AsMemory(Sector, length);
        try
        {
            operations.Add(((script.Below(8) switch
            {
                0 => device.FlushAsync(),
                1 => device.DiscardAsync(0, length),
                2 or 3 => device.WriteAsync(0, middle),
                _ => device.ReadAsync(Sector, middle),
            }).AsTask(), buffer));
        }
        catch (NotSupportedException)
        {
            // The back end has said before that it does not do this.
        }
    }

    private static void Check(List<(Task Task, byte[] Buffer)> operations)
    {
        Task all = Task.WhenAll(operations.Select(operation => operation.Task));
        Assert.True(((IAsyncResult)all).AsyncWaitHandle.WaitOne(Patience), "an operation has not ended");
        foreach ((Task task, byte[] buffer) in operations)
        {
            Assert.True(
                task.Exception is not { InnerException: not (BlockIOException or BlockDeviceGoneException or NotSupportedException) },
                $"an operation ended with {task.Exception}");
            Assert.Equal(-1, buffer.AsSpan(0, Sector).IndexOfAnyExcept(Guard));
            Assert.Equal(-1, buffer.AsSpan(^Sector..).IndexOfAnyExcept(Guard));
        }
    }
}
