using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace XenletDriver.Tests;

/// <summary>The driver on a bus as in a guest; the test plays the tool stack and the other end.</summary>
public sealed class GreetingDriverTests
{
    private const string FrontEnd = "/local/domain/1/device/greeting/0";
    private const string BackEnd = "/local/domain/0/backend/greeting/1/0";

    [Fact]
    public async Task The_driver_reads_the_answer_when_the_other_end_is_connected()
    {
        MemoryStore store = new();
        store.Write($"{BackEnd}/state", "2");
        store.Write($"{FrontEnd}/backend", BackEnd);
        store.Write($"{FrontEnd}/backend-id", "0");
        store.Write($"{FrontEnd}/state", "1");
        GreetingDriver driver = new();
        TaskCompletionSource<string> answered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        driver.Answered += (_, answer) => answered.TrySetResult(answer);
        await using XenStoreClient client = await XenStoreClient.ConnectAsync(store);
        await using FrontBus bus = new(client);
        bus.AddDriver(driver);

        await bus.StartAsync();
        await store.WaitForAsync($"{FrontEnd}/state", "3");
        Assert.Equal("Hello", store.Read($"{FrontEnd}/greeting"));
        store.Write($"{BackEnd}/answer", "Hello yourself");
        store.Write($"{BackEnd}/state", "4");

        Assert.Equal("Hello yourself", await answered.Task.WaitAsync(TimeSpan.FromMinutes(1)));
        await store.WaitForAsync($"{FrontEnd}/state", "4");
    }
}
