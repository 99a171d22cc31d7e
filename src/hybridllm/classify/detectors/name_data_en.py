"""Frequent given and family names in Latin letters, as data.

Answers: is this word a given name that many people have?
Not here: deciding that it names somebody here (`names_en`).

Source: public frequency tables (US Social Security Administration, given names; US
Census Bureau and ONS) and romanised Japanese, Chinese, Korean, Indian, Spanish, German
and French names. Words that are ordinary English as well (Will, Mark, May) stand in a
list of their own and count only before a family name from the table.
"""

from __future__ import annotations

GIVEN_NAMES = frozenset(
    """
    aaron abdul abel abena abigail ada adaeze adam adele adrian adriana agnes ahmad aiden aileen
    ailsa aisha aki akiko akira alan alana alasdair albert alec alejandra alejandro alessandra
    alessandro alex alexander alexandra alexis alfonso alfred alfredo alice alicia alina alison
    alistair alma alyssa amal amanda amara amber ambrose amelia amina amit amos amy ana anahit
    anastasia anders andre andrea andreas andreea andrew angela angelica angelo angus anika anil
    anita anjali ann anna anne anneliese annette annika ansel anthony antoine anton antonia
    antonio anwar aoi aoife april arash archie arianna arjun armando arnaud arne arthur arturo
    asha ashley asif asma astrid audrey august augustin aurelia aurora ava axel ayesha aylin ayumi
    azra bao barbara barnaby bartholomew bartosz basil bastian beatrice beatrix beatriz belinda
    ben benedict benita benjamin bernadette bernard beth bettina betty beverly bianca birgit bjorn
    blanca boris bram brandi brandon brenda brian bridget brigitte brittany bronwyn bruce bruno
    bryan caitlin caleb calvin cameron camila camille candace carina carl carla carlo carlos
    carlotta carmela carmen carol caroline carolyn carter carys casey cassandra cassidy catherine
    cecil cecilia cedric celeste celia cesar chandra chantal charles charlotte cheryl chiara chidi
    chinedu chioma chloe chris christa christian christina christine christoph christopher ciara
    cillian claire clara claude claudia clement clifford clive colette colin connor conor
    constance consuelo cora cordelia corinne cormac cornelia craig curtis cynthia cyril dagmar
    dahlia daisuke damian damien dana danica daniel daniela danielle dante daphne dara daria dario
    darren david davina dawood deandre deborah debra declan deepak deirdre delia delphine
    demetrius denise dennis derek desmond devin devon dexter diana diane diego dina dinesh dirk
    dmitri dolores dominic dominik dominique donald donna donovan dora doris dorothea dorothy
    douglas duc dwayne dylan eamon ebony edgar edith edmund eduardo edward edwin edwina efua
    eileen eilidh ekaterina elaine eldon eleanor elena eli elias elif elijah elisa elisabeth elise
    elizabeth elke ella ellen elliot elliott elmer elodie eloise elsa elsie elvira emeka emi emil
    emilia emilio emily emma emmanuel enrique enzo eoin eri eric erica erik erin ernest ernesto
    esme esperanza estelle esther ethan etienne eugene eunice eva evan evelyn ezra fabian fabio
    faisal fang farah farid fatima federica federico felicia felipe felix fergus fernando filip
    finlay finn fintan fiona flavia florence floyd folake frances francesca francis francisco
    franco francois frank franz fred frederic frederick freya frida frieda gabriel gabriela gareth
    garrett gary gavin gemma genevieve george gerald geraldine gerard gerhard ghislaine gianluca
    gideon gilbert giles gina giovanna giovanni giulia giuseppe gladys glen glenda gloria godfrey
    gonzalo gordon graham gregory greta gudrun guido guillaume gunter gustav gustavo gwen
    gwendolyn habib haley hamish hamza hana hanako hannah hannelore hans harold harriet harry
    haruka haruto harvey hassan hazel heather hector heidi heike heinrich helen helena helga henri
    henrietta henrik henry herbert herman hilary hilda hiram hiroshi hollis horace howard hubert
    huda hugh hugo hui humberto hyun ian ibrahim ida idris ifeoma ignacio igor ilse imani imogen
    imran ina indira ines inga ingrid inigo ioana irene irina iris irma irving isaac isabel
    isabella isha isidora isla ismael ismail itzel ivan ivana ivar jacinta jack jacob jacqueline
    jaime jakob jakub jamal james jamie jan jane janelle janet janice janine jared jarrod jasmine
    jason javad javier jayden jean jeffrey jelena jemima jennifer jenny jens jeremy jerome jerry
    jesse jessica jessie jill jin jing jiwoo joan joanna joaquin jocelyn joe joel joelle joern
    johan johanna johannes john johnny jolene jonah jonas jonathan jorge jose josefina joseph
    josephine joshua josie jovan joyce juan juana juanita judah judith judy juergen julia julian
    julie julien juliet julieta julius jun justin justine kai kaito kamal kamala kamil kana kaori
    karen karim karin karina karl karsten kasia katarina kate katharina katherine kathleen kathryn
    katie katja kavita kaya kayla kazuki keanu keiko keira keisha keith kelly kelvin ken kendra
    kenichi kenji kenneth kenta kerry kevin khadija khalid khanh kian kieran kim kimberly kiran
    kirsten kirsty klara klaus kofi konrad kristen kristian kristin kristina krzysztof kurt
    kwabena kwame kwesi kyle kyra lachlan lakisha lakshmi lamar lana lara larry lars latisha
    latoya laura lauren laurence laurent laurie layla lea leah leandro leela lei leif leila lena
    leo leon leonard leonardo leonie leonor leroy lesley leslie lester letitia levi liam lidia
    lila lilian liliana lillian linda lindsay lindsey ling lionel lisa lisbeth livia lloyd logan
    lois lola lorena lorenzo lorna lorraine lotte louis louisa louise luca lucas lucia lucie
    lucien lucinda lucy ludwig luigi luis luisa lukas lukasz luke luther luz lydia lyle mabel
    mackenzie madeleine madison maeve magdalena magnus mahmoud mai maiko makoto malcolm malik
    mallory mandy manfred manuel mara marc marcel marcela marcia marco marcus marek margaret
    margarita margot maria mariam marian mariana marianne marie mariko marilyn marina mario marion
    marisa marjorie marko marlene marlon marta martha martin martina marvin mary masahiro mateo
    mathias mathilde matilda matteo matthew matthias mattias maura maureen maurice mauricio maxim
    maxine maya mayumi meera megan megumi mehmet mei melanie melinda melissa melvin mercedes
    meredith merle mervyn mia michael michelle miguel miho mika mikael mikhail miki mila milan
    mildred milena milo minerva ming minh minjun mira miranda mireille miriam mirjam misaki
    mitchell mohamed mohammed moira mona monica morag morgan morris mostafa muhammad muriel myles
    myra myrtle nadia nadine naima nanami nancy nanette naoki naoko naomi nash natalia natalie
    natasha nathalie nathan nathaniel ned neha neil nelson nerys nestor neville ngoc ngozi nhung
    nia niamh nicholas nicola nicolas nicole nigel nikhil niklas nikolai nikos nina nisha nita
    noah noel noelle noemi nolan nora noriko norman nuala nuno octavia odalys odette ola olaf oleg
    oleksandr olena olga olive oliver olivia oluwaseun omar omari oona ophelia orla orlando oscar
    oskar oswald otto owen pablo padraig paige palesa paloma pamela parvati pascal patricia
    patricio patrick patrizia paul paula pauline pedro penelope percy perla peter petra philip
    philippa phillip phoebe phyllis pia pierre pieter piotr pooja pradeep prakash pranav preston
    priscilla priya priyanka quentin quincy rabia rachel rafael rafal rafiq raheem rahul raina
    rainer raj rajesh ralph ramesh ramon ramona randall raquel rashid raul ravi raymond rebecca
    rebekah regina reginald reiko reinhard rekha ren renata rene renee reuben rhiannon rhoda
    rhonda rhys ricarda ricardo richard riley rina rita robert roberta roberto rocio roderick
    rodney rodolfo rodrigo roger rohit roland rolf roman ronald ronan ronnie rory rosa rosalie
    rosalind rosamund rosemary roshni rowan rowena roxana roxanne roy ruben rudolf rupert ruslan
    russell rutger ruth ryan ryo ryota saanvi sabine sabrina sachiko sadie saeed sakura sally
    salma salvador samantha samir samira samuel sander sandra sanjana sanjay santiago santino
    saoirse sara sarah sarita sasha saskia satoshi saul savannah scott sean sebastian selena selma
    serena sergei sergio seth shabnam shanice shannon shantel sharon shaun shauna sheena sheila
    shelby sherri shinji shira shirin shirley shota shreya sian sibyl sidney sigrid silas silvia
    simon simone sinead siobhan skye slavica sofia solange solveig sonia soojin sophia sophie
    soren sota spencer stacy stanislav stanley stefan stefania stefanie stella stellan stephanie
    stephen steve steven stewart stuart sumaya summer sunil sunita surya susan susanna suzanne
    sven svetlana sybil sylvia sylvie tabitha tadeusz tahir takashi takeshi takumi talia tamara
    tamsin tania tanisha tanvi tao tara tarek tariq taro tasha tatiana tatsuya tatum taylor teodor
    terence teresa tess tetsuya thaddeus thandi thea thelma theo theodora theodore theresa thiago
    thibault thierry thomas thora thuy tiago tiffany tilda timo timothy tina tobias tobin todd tom
    tomas tomasz tomoko tony torsten torvald tracy travis trent trevor tricia trisha trudy tunde
    tyler tyrone tyson uchenna udo ulrich ulrike uma umar unai urs ursula usman valentina valeria
    valerie vanessa vasily venkat vera verity vernon veronica vicente vicki victor victoria vihaan
    vijay vikram viktor viktoria vinay vincent viola virginia vishal vito vivek vivian vivienne
    vlad vladimir wafa waleed walid wallace walter wanda wayne wei wendy wesley wilbur wilfred
    wilhelm willa willem william winifred winston wiremu wojciech wolfgang xavier ximena xiu yahya
    yan yannick yara yasir yasmin yasmine yelena ying yoko yolanda yong yosef youssef yui yuka
    yuki yuko yumi yuri yusuf yuto yves yvette yvonne zachary zahra zainab zara zelda zeynep zita
    zlatan zoe zoltan zora zubair zuri
    """.split()
)

WORDS_TOO = frozenset(
    """
    mark will grace hope faith joy rose lily daisy ivy olive violet amber ruby pearl crystal summer
    dawn eve may june august bill bob rob jack pat sue drew grant chase hunter mason carter parker
    sky river brook robin jay ray art rich christian dean earl frank gene guy hank max miles nick
    norm pierce reed ross rusty sandy skip stone sterling terry tim toby troy wade wren sam jim joe
    dan ted austin dallas jordan paris sydney florence virginia georgia chelsea charlotte victoria
    april jean ken kana
    """.split()
)

FAMILY_NAMES = frozenset(
    """
    adams adeyemi ahmed ali allen alvarez anderson andersson andrews armstrong bailey baker barnes
    becker bell bennett berg bianchi black bowen brennan brooks brown bryant butler campbell
    carter castellanos castillo chan chandra chang chavez chen choi chowdhury clark clarke cohen
    cole coleman collins cook cooper costa cox cruz cunningham davies davis delgado desai diaz
    dixon dubois duncan edwards ellery ellis evans fernandez fischer fisher fitzgerald fleming
    fletcher flores ford foster fox fraser fujita fukuda garcia gardner gibson gomez gonzalez
    gordon graham gray green greene griffin gupta gutierrez hale hall hamilton hansen haraldsen
    hargreaves harper harris harrison hart hasegawa hashimoto hayes henderson hernandez hill
    hoffmann holmes howard huang hughes hunt hunter hussain ibrahim inoue ishikawa ito ivanov iyer
    jackson jacobs james jansen jenkins jensen johansson johnson jones jordan joseph joshi kapoor
    kato kaur kelly kennedy khan kim kimura king klein knight kobayashi kowalski kumar lambert
    larsen lee leung levy lewis li lin lindholm lindqvist liu long lopez lynch macdonald marshall
    martin martinez mason matsumoto mccarthy mcdonald mehta mendoza mercer meyer miller mills
    mitchell mohamed moore morales moreau morgan mori morris moser mueller muller murphy murray
    nair nakamura nelson nguyen nielsen novak oconnor okafor okonkwo oliveira olsen ono ortega
    ortiz osei owens palmer park parker patel pemberton perez perry peters peterson petrov pham
    phillips pierce popov powell price quinn ramirez ramos rao reed reid reyes reynolds rhodes
    richards richardson rivera roberts robinson rodriguez rogers romero rosen ross rossi roy
    russell ryan saito sanchez santos sasaki sato schmidt schneider schulz schwarz scott shah
    sharma shaw shimizu silva simmons simpson singh smith snyder sokolov souza spencer stevens
    stewart stone sullivan suzuki takahashi tan tanaka taylor thomas thompson thornton torres tran
    tucker turner vance vargas vasquez villareal wagner walker wallace walsh wang ward warren
    watanabe watson webb weber wells west whitaker white whitfield williams williamson wilson wong
    wood woods wright wu yamada yamaguchi yamamoto yang yilmaz yoshida young zhang zhao zhou
    zimmermann
    """.split()
)

SENTENCE_STARTS = frozenset(
    """
    ask tell call write draft send email contact meet summarise summarize translate make is does
    did can could would should will have has had do are was were fix rewrite create add update
    check book schedule invite remind thank thanks congratulate forward copy explain describe
    compare list give find show turn convert format extract clean proofread shorten improve change
    remove prepare review help let get put use see say said also then now today yesterday tomorrow
    after before because since until while during between about against per via re fwd fw attn cc
    bcc customer client patient employee candidate tenant applicant colleague manager boss
    director engineer buyer seller nurse teacher student new senior junior lead head mr mrs ms
    miss dr prof sir madam dear hi hello hey regards sincerely cheers best kind warm yours name
    caller surname forename signed author owner assignee reporter reviewer attendee attendees
    guest member passenger claimant insured beneficiary holder monthly weekly daily annual final
    first second third next last our my his her their your one two three both either all some any
    each every
    """.split()
)
"""Words that stand capitalised before a name without belonging to it."""

PLACES_AND_THINGS = frozenset(
    """
    street st avenue ave road rd lane ln drive dr boulevard blvd court way place terrace circle
    square crescent parkway highway park bridge river lake mountain mount island beach bay valley
    forest desert ocean sea gulf cape port harbor harbour airport station tower castle palace
    museum gallery library theatre theater stadium arena hotel inn resort restaurant cafe
    university college school institute academy hospital clinic church cathedral temple bank group
    corp inc ltd llc plc gmbh company co holdings partners industries systems solutions services
    technologies technology software labs studio studios media press news times post journal
    magazine books foods motors airlines airways energy power electric pharma pharmaceuticals
    insurance capital ventures fund trust foundation association society union league club team
    council committee commission agency department ministry office bureau act law code bill treaty
    agreement convention protocol framework server cloud platform api sdk ide suite pro max plus
    ultra mini air lite enterprise edition version release city town village county state province
    country kingdom republic states nations federation empire america africa asia europe england
    scotland wales ireland france germany italy spain portugal china japan india korea russia
    canada mexico brazil australia zealand york jersey hampshire carolina dakota virginia orleans
    angeles francisco diego antonio vegas haven hill hills heights springs falls rapids war battle
    revolution peace prize award cup games olympics festival day week month year century age era
    dynasty renaissance machine learning intelligence network networks data science engineering
    management marketing finance accounting operations resources relations support security
    compliance quality assurance design research development sales human product project program
    plan report review summary analysis strategy policy procedure manual guide handbook template
    form contract invoice order list table chart figure chapter section appendix page part volume
    book novel story poem song album film movie series season episode show night excel word
    powerpoint outlook teams windows azure visual basic script java python rust swift kotlin react
    angular node docker kubernetes jenkins github gitlab jira confluence slack zoom google maps
    docs sheets amazon aws prime web apple iphone ipad macbook microsoft oracle salesforce
    linkedin facebook instagram twitter youtube netflix spotify uber tesla nvidia intel monday
    tuesday wednesday thursday friday saturday sunday january february march april june july
    august september october november december north south east west northern southern eastern
    western central upper lower great grand royal national international global general united
    black white red blue green golden silver new old big little high low open free public private
    operating gross net annual quarterly board executive chief vice president officer minister
    secretary senator governor mayor credit card debit account number key token password user
    admin root login id phone email address hat sql stack overflow hacker real time full front
    back end interface experience
    """.split()
) - frozenset("white black green hill park bridge lane day king prince young grand drew".split())
"""Words that make two capitalised words a place, a company, a product or a heading."""

NOT_NAMES = frozenset(
    """
    the this that these those there here it i we you they he she a an and or but if so as at by for
    from in into of on to with my our your his her its their what when where which who why how
    please thanks thank all team sir madam everyone colleague colleagues customer client support
    hiring manager service department office company monday tuesday wednesday thursday friday
    saturday sunday january february march april june july august september october november
    december english japanese french german spanish chinese american british python java excel word
    google microsoft amazon apple openai slack teams github jira windows linux macos docker
    kubernetes sql api url pdf csv json html europe asia africa america japan china india london
    tokyo paris york new north south east west united states kingdom street avenue road city
    university college school hospital bank street inc ltd llc gmbh corp project plan report
    meeting review summary subject date phone email address id number status note yes no ok good
    best kind dear hello hi regards sincerely not none unknown required string first last user
    admin test committee council board group ministry agency act bill christmas easter spring
    summer autumn winter internet web general chief executive officer vice president chairman
    speaker secretary ambassador right bean robot
    """.split()
)
DEAD_AND_FAMOUS = frozenset(
    """
    albert einstein|isaac newton|charles darwin|william shakespeare|jane austen|charles dickens
    marie curie|alan turing|ada lovelace|thomas edison|nikola tesla|george washington
    abraham lincoln|thomas jefferson|benjamin franklin|john kennedy|winston churchill
    martin luther|martin luther king|mahatma gandhi|nelson mandela|adam smith|karl marx
    immanuel kant|friedrich nietzsche|john locke|david hume|thomas hobbes|john stuart mill
    john maynard keynes|leonardo da vinci|vincent van gogh|pablo picasso|claude monet|henry ford
    john von neumann|claude shannon|richard feynman|stephen hawking|george orwell|mark twain
    ernest hemingway|oscar wilde|emily dickinson|virginia woolf|agatha christie
    arthur conan doyle|sherlock holmes|harry potter|james bond|charlotte bronte|emily bronte
    robert frost|walt whitman|julius caesar|christopher columbus|marco polo|louis pasteur
    alexander fleming|gregor mendel|johann sebastian bach|ludwig van beethoven|charles babbage
    george boole|john dewey|peter drucker|rosa parks|helen keller|anne frank|florence nightingale
    mary shelley|rosalind franklin|steve jobs|john nash|grace hopper|katherine johnson
    amelia earhart|neil armstrong|yuri gagarin|carl sagan|edwin hubble|galileo galilei
    johannes kepler|niels bohr|werner heisenberg|max planck|erwin schrodinger|paul dirac
    enrico fermi|lise meitner|robert oppenheimer|james watson|francis crick|george mendel
    louis armstrong|miles davis|frank sinatra|elvis presley|john lennon|freddie mercury
    michael jackson|david bowie|walt disney|charlie chaplin|alfred hitchcock|stanley kubrick
    marilyn monroe|audrey hepburn|franz kafka|leo tolstoy|fyodor dostoevsky|anton chekhov
    victor hugo|jules verne|albert camus|simone de beauvoir|hannah arendt|ludwig wittgenstein
    bertrand russell|karl popper|thomas aquinas|thomas more|francis bacon|adam clayton
    alexander hamilton|john adams|james madison|theodore roosevelt|franklin roosevelt
    ronald reagan|richard nixon|margaret thatcher|joseph stalin|vladimir lenin
    catherine the great|queen elizabeth|queen victoria|henry viii|joan of arc|mother teresa
    malcolm x|muhammad ali|jesse owens|babe ruth|andrew carnegie|john rockefeller|thomas bayes
    george stokes|james maxwell|michael faraday|robert boyle|edward jenner|joseph lister
    sigmund freud|carl jung|ivan pavlov|abraham maslow|frederick taylor|max weber|milton friedman
    friedrich hayek|david ricardo|grace kelly|oscar schindler|romeo|juliet|elizabeth bennet
    john doe|jane doe|alice and bob|john smith
    """.replace("\n", "|")
    .replace("    ", "")
    .strip("|")
    .split("|")
)
