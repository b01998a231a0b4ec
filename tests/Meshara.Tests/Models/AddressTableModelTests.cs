using Xunit;

namespace Meshara.Tests.Models;

/// <summary>An address table and a dictionary: who is in, what is known of it, who may be dialled and when.</summary>
public sealed class AddressTableModelTests
{
    private const ulong Seed = 20_261_123;

    [Fact]
    public void AnyHistory_TableHoldsAndGivesOutWhatADictionaryDoes() => Of(static () => new AddressTableModel()).Holds(Seed);

    // Quick enough for the mutation check.
    [Fact]
    public void AnyShortHistory_TableHoldsAndGivesOutWhatADictionaryDoes() => Of(static () => new AddressTableModel(), runs: 30).Holds(Seed, atLeast: 5);

    [Fact]
    public void Fault_PostponeLost_IsFoundInAShortList() => Of(static () => new AddressTableModel(AddressTableFault.PostponeLost)).Finds(Seed, atMost: 4);

    [Fact]
    public void Fault_SuccessIsAnAnswer_IsFoundInAShortList() => Of(static () => new AddressTableModel(AddressTableFault.SuccessIsAnAnswer)).Finds(Seed, atMost: 3);

    private static ModelCheck<AddressTableCommand> Of(Func<AddressTableModel> start, int runs = 200) =>
        new(AddressTableCommand.Any, start) { Runs = runs, Longest = 200, Simpler = AddressTableCommand.Simpler };
}
