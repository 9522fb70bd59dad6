using System.Reflection;
using Xenlet.Net.Tcp;

namespace Xenlet.Net.Tests.Tcp;

public sealed class TcpFlightsTests
{
    private static readonly FieldInfo[] Fields = typeof(TcpFlight).GetFields(BindingFlags.Instance | BindingFlags.NonPublic);

    private readonly SegmentRings _rings = new();

    [Fact]
    public void A_flight_that_was_returned_is_taken_by_the_next_and_knows_nothing_of_the_connection_before()
    {
        TcpFlights flights = new(_rings);
        TcpFlight flight = flights.Take();
        Change(flight);
        Assert.Equal(Fields.Select(field => field.Name), Differences(new TcpFlight(), flight));
        flights.Return(flight);
        Assert.Same(flight, flights.Take());
        Assert.Empty(Differences(new TcpFlight(), flight));
        Assert.NotSame(flight, flights.Take());
    }

    [Fact]
    public void So_many_are_kept()
    {
        TcpFlights flights = new(_rings);
        TcpFlight[] taken = [.. Enumerable.Range(0, 100).Select(_ => flights.Take())];
        Array.ForEach(taken, flights.Return);
        Assert.Equal(64, Enumerable.Range(0, 100).Select(_ => flights.Take()).Count(taken.Contains));
    }

    /// <summary>The fields in which two flights are not equal.</summary>
    internal static IEnumerable<string> Differences(TcpFlight one, TcpFlight other) =>
        Fields.Where(field => !Equals(field.GetValue(one), field.GetValue(other))).Select(field => field.Name);

    private void Change(TcpFlight flight)
    {
        SentSegment segment = new() { Start = new SequenceNumber(1), Length = 2, SegmentSize = 3, SentAt = 4 };
        flight.Sent.Add(segment, _rings);
        flight.Rack.OnDelivered(segment, now: 5, minimum: 1, isOfOriginal: false);
        flight.Reduction.Start(6);
        flight.Recovery = RecoveryState.Loss;
        flight.RecoveryPoint = new SequenceNumber(7);
        flight.Frto = FrtoStep.Retransmitted;
        flight.Duplicates = 8;
        flight.IsUndoPossible = true;
        flight.UndoRetransmissions = 9;
        flight.RetransmissionStamp = 10;
        flight.IsProbeOutstanding = true;
        flight.IsProbeRetransmission = true;
        flight.ProbeEnd = new SequenceNumber(11);
    }
}
