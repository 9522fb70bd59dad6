using System.Buffers.Binary;
using System.Text;
using Xenlet.XenBus.Tests;

namespace Xenlet.Drivers.Tests;

/// <summary>Captures: lines that together are a file of tcpdump's format.</summary>
public sealed class CaptureTests
{
    [Fact]
    public async Task It_is_switched_on_and_off_in_the_store_and_its_lines_are_a_capture_file()
    {
        StringBuilder written = new();
        await using StringWriter output = new(written);
        await using TextWriter safe = TextWriter.Synchronized(output);
        await using NetWorld world = await NetWorld.StartAsync(new NetworkOptions { CaptureOutput = safe });
        (NetworkInterface network, NetBackEnd back) = await world.PlugAsync();
        await world.Host.Dom0.WriteAsync($"{Host.Home}/data/xenlet/capture/vif0", "4,100");
        await world.Host.UntilAsync(() => network.Capture is not null);
        for (int i = 0; i < 3; i++)
        {
            Assert.True(back.TryDeliver(NetWorld.Bytes(i, 60 + i)));
            await NetWorld.ReceiveAsync(network);
        }

        Assert.True(network.TrySend(NetWorld.Frame(network, NetWorld.Bytes(3, 200))));
        Assert.True(network.TrySend(NetWorld.Frame(network, NetWorld.Bytes(4, 60))));
        await network.Capture!.Completion.WaitAsync(NetWorld.Patience);
        byte[] file = Decode(written.ToString(), "pcap vif0.1 ");
        Assert.Equal(0xA1B2C3D4, BinaryPrimitives.ReadUInt32LittleEndian(file));
        Assert.Equal(100u, BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(16)));
        Assert.Equal(1u, BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(20)));
        int place = 24;
        for (int i = 0; i < 4; i++)
        {
            int whole = i == 3 ? 200 : 60 + i;
            int kept = Math.Min(whole, 100);
            Assert.Equal((uint)kept, BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(place + 8)));
            Assert.Equal((uint)whole, BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(place + 12)));
            DateTimeOffset time = DateTimeOffset.FromUnixTimeSeconds(BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(place)));
            Assert.InRange(time, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow);
            Assert.Equal(NetWorld.Bytes(i, whole)[..kept], file[(place + 16)..(place + 16 + kept)]);
            place += 16 + kept;
        }

        Assert.Equal(file.Length, place);
        Assert.Contains("capture of vif0 ended: 4 frames, 0 left out", written.ToString(), StringComparison.Ordinal);

        // Another one does not mix with the first.
        await world.Host.Dom0.WriteAsync($"{Host.Home}/data/xenlet/capture/vif0", "on");
        await world.Host.UntilAsync(() => !network.Capture!.Completion.IsCompleted);
        Assert.True(back.TryDeliver(NetWorld.Bytes(9, 60)));
        await NetWorld.ReceiveAsync(network);
        FrameCapture second = network.Capture!;
        await world.Host.Dom0.WriteAsync($"{Host.Home}/data/xenlet/capture/vif0", "off");
        await world.Host.UntilAsync(() => network.Capture is null);
        await second.Completion.WaitAsync(NetWorld.Patience);
        Assert.Equal(24 + 16 + 60, Decode(written.ToString(), "pcap vif0.2 ").Length);
    }

    [Fact]
    public async Task One_that_was_asked_for_before_the_interface_came_begins_with_it()
    {
        await using NetWorld world = await NetWorld.StartAsync(new NetworkOptions { CaptureOutput = TextWriter.Null });
        await world.Host.Dom0.WriteAsync($"{Host.Home}/data/xenlet/capture/vif0", "on");
        (NetworkInterface network, NetBackEnd _) = await world.PlugAsync();
        Assert.NotNull(network.Capture);
        await world.Host.Dom0.WriteAsync($"{Host.Home}/data/xenlet/capture/vif0", "perhaps");
        await world.Host.SeesAsync("data/xenlet/capture/vif0 is neither a number of frames nor 'on' or 'off'");
        Assert.NotNull(network.Capture);
    }

    [Fact]
    public async Task What_waits_for_a_slow_console_is_bounded_in_frames_and_in_bytes()
    {
        foreach ((int length, int kept) in ((int, int)[])[(60, FrameCapture.QueueLimit), (65_535, FrameCapture.QueueLimitBytes / 65_535)])
        {
            await using StuckWriter console = new();
            FrameCapture capture = new("vif0", 1, new CaptureRequest(long.MaxValue, 65_535), console);
            await console.IsStuck;
            for (int i = 0; i < 1000; i++)
            {
                capture.Add(new byte[length]);
            }

            capture.End();
            console.LetGo();
            await capture.Completion.WaitAsync(TimeSpan.FromSeconds(60));
            Assert.EndsWith($"ended: {kept} frames, {1000 - kept} left out", console.LastLine, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(null, 0L, 2048)]
    [InlineData("", 0L, 2048)]
    [InlineData("off", 0L, 2048)]
    [InlineData("0", 0L, 2048)]
    [InlineData("on", long.MaxValue, 2048)]
    [InlineData("on,96", long.MaxValue, 96)]
    [InlineData("100", 100L, 2048)]
    [InlineData("100,65535", 100L, 65535)]
    public void What_can_be_asked_for(string? text, long frames, int length)
    {
        Assert.True(CaptureRequest.TryParse(text, out CaptureRequest request));
        Assert.Equal(new CaptureRequest(frames, length), request);
        Assert.Equal(frames > 0, request.IsOn);
    }

    [Theory]
    [InlineData("yes")]
    [InlineData("-1")]
    [InlineData("on,")]
    [InlineData("on,0")]
    [InlineData("on,70000")]
    [InlineData("1,2,3")]
    public void What_cannot(string text) => Assert.False(CaptureRequest.TryParse(text, out _));

    /// <summary>A console that takes no output until it is released.</summary>
    private sealed class StuckWriter : TextWriter
    {
        private readonly TaskCompletionSource _stuck = new();
        private readonly TaskCompletionSource _free = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override Encoding Encoding => Encoding.UTF8;

        public Task IsStuck => _stuck.Task.WaitAsync(TimeSpan.FromSeconds(60));

        public string? LastLine { get; private set; }

        public void LetGo() => _free.SetResult();

        public override async Task WriteLineAsync(string? value)
        {
            _stuck.TrySetResult();
            await _free.Task;
            LastLine = value;
        }
    }

    private static byte[] Decode(string text, string prefix) =>
        [.. text.Split('\n').Where(line => line.StartsWith(prefix, StringComparison.Ordinal)).SelectMany(
            line => Convert.FromBase64String(line[prefix.Length..].Trim()))];
}
