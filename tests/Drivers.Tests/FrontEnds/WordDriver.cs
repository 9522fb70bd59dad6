using Xenlet.Kernel;
using Xenlet.XenBus;

namespace Xenlet.Drivers.Tests;

/// <summary>A third front end, for devices of type "word": a page that the back end reads, and a node of the back end's.</summary>
internal sealed class WordDriver(IEventChannels channels, ISharedPages pages) : FrontEndDriver<Word>("word", channels, pages)
{
    public override string Name => "word";

    public override string ReportName => "words";

    /// <summary>The devices that the program may use.</summary>
    public IReadOnlyList<Word> Words => Offered;

    /// <summary>What the front ends' start does, if anything.</summary>
    public Func<ValueTask>? OnStart { get; init; }

    protected override ValueTask<FrontEnd<Word>> CreateAsync(XenDevice device, CancellationToken cancellationToken) =>
        new(new WordFrontEnd(this, device));
}

/// <summary>What a program sees of such a device.</summary>
internal sealed record Word(string Name)
{
    public string Text { get; set; } = "";

    /// <summary>Why it has ended, if it has.</summary>
    public string? End { get; set; }
}

internal sealed class WordFrontEnd(WordDriver driver, XenDevice device) : FrontEnd<Word>(driver, device)
{
    private ISharedPage? _page;

    public override Word Device { get; } = new("word" + device.Id);

    public override string Name => Device.Name;

    public override bool IsReady => Device.Text.Length > 0;

    public override bool IsPresent => Device.End is null;

    public override string Describe() => $"{Name} says '{Device.Text}'";

    public override async ValueTask OtherEndChangedAsync(XenBusState state, CancellationToken cancellationToken)
    {
        switch (state)
        {
            case XenBusState.InitWait:
                _page ??= driver.Pages.Allocate();
                uint reference = _page.Grant((ushort)XenDevice.OtherEndId).Reference;
                await PublishAsync([new("page-ref", reference), new("protocol", "words")], ["old-ref"], cancellationToken);
                Offer();
                await XenDevice.SetStateAsync(XenBusState.Initialised, cancellationToken);
                break;
            case XenBusState.Connected:
                Device.Text = await Store.ReadAsync(XenDevice.OtherEndPath + "/word", cancellationToken);
                OnReadyChanged();
                await XenDevice.SetStateAsync(XenBusState.Connected, cancellationToken);
                break;
            case XenBusState.Closing or XenBusState.Closed:
                await EndAsync("its back end has ended");
                await XenDevice.SetStateAsync(XenBusState.Closed, cancellationToken);
                break;
        }
    }

    protected internal override ValueTask StartAsync(CancellationToken cancellationToken) => driver.OnStart?.Invoke() ?? default;

    protected internal override ValueTask EndAsync(string reason)
    {
        Device.End ??= reason;
        Withdraw();
        _page?.Dispose();
        _page = null;
        return default;
    }
}
