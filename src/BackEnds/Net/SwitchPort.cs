using Xenlet.BackEnds.Net.Filter;
using Xenlet.Drivers;
using Xenlet.Net.Base;

namespace Xenlet.BackEnds.Net;

/// <summary>A port of a switch: what is sent to it comes from whoever is behind it. The switch's lock guards the limits.</summary>
/// <param name="owner">The switch.</param>
/// <param name="behind">Takes frames for whoever is behind it.</param>
/// <param name="request">What the tool stack says of a front end; null for a port that learns addresses.</param>
/// <param name="rate">Limits the bytes, in units of <see cref="RateUnit"/>; null for no limit.</param>
/// <param name="copies">Limits the copies of frames.</param>
internal sealed class SwitchPort(
    LearningSwitch owner, IFramePort behind, NetworkPortRequest? request, TokenBucket? rate, TokenBucket copies) : IFrameRouter
{
    /// <summary>Bytes of a token, as many as the shortest frame on a wire has.</summary>
    public const int RateUnit = 64;

    /// <summary>Takes frames for whoever is behind the port.</summary>
    public IFramePort Behind => behind;

    /// <summary>What the tool stack says of the front end; null for a port that learns addresses.</summary>
    public NetworkPortRequest? Request => request;

    /// <summary>What may be sent; null for a port that learns addresses.</summary>
    public SourceGuard? Guard { get; } = request is null ? null : new(request.Address, [.. request.Addresses.Select(each => each.Address)]);

    /// <summary>Whether frames to a front end's hardware address go to this port, of those that have the address.</summary>
    public bool IsLeading { get; set; }

    /// <summary>The port as the filter knows it; null without a filter.</summary>
    public FilterPort? Filtered { get; set; }

    /// <inheritdoc/>
    public void Send(FrameBuffer frame) => Send(Route(frame.Data), frame);

    /// <inheritdoc/>
    public FrameRoute Route(ReadOnlySpan<byte> frame) => owner.Route(this, frame);

    /// <inheritdoc/>
    public void Send(in FrameRoute route, FrameBuffer frame) => owner.Forward(this, route, frame);

    /// <summary>Whether the rate allows a frame of so many bytes.</summary>
    public bool HasRate(int length, long now) => rate is null || rate.TryTake(now, (length + RateUnit - 1) / RateUnit);

    /// <summary>Whether so many copies may be made.</summary>
    public bool MayCopy(int count, long now) => count == 0 || copies.TryTake(now, count);
}
