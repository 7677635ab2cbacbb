"""PURE: words in dates: months and weekdays in many languages (https://cldr.unicode.org), and what is beside."""

import re
from unicodedata import normalize

_MONTHS = (  # a line break ends nothing: twelve strings, a name with `_` has a space in it
    (
        "january jan janvier janv enero ene janeiro gennaio gen januar января янв январь січня січ січень stycznia "
        "sty styczen ocak oca يناير ژانویه ינואר ינו มกราคม ม.ค ဇန်နဝါရီ ဇန် januari जनवरी जन জানুযারি জানু "
        "tammikuuta tammi tammikuu ledna led leden januara ianuarie ian януари яну јануар јан sijecnja sij sijecanj "
        "ιανουαριου ιαν ιανουαριοσ студзеня сту студзень gener იანვარი იან հունվարի հնվ հունվար yanvar yan қаңтар қаң "
        "jaanuar jaan janvaris sausio saus sausis ஜனவரி ஜன జనవరి జన ജനുവരി ജനു ಜನವರಿ ಜನ જાન્યુઆરી જાન્યુ जानेवारी "
        "जाने ਜਨਵਰੀ ਜਨ جنوری មករា ມັງກອນ ມ.ກ janar janner جانفي كانون_الثاني ဇန္နဝါရီ জানুযারী thang_mot thang_gieng"
    ),
    (
        "february feb fevrier fevr febrero fevereiro fev febbraio februar февраля февр февраль лютого лют лютии "
        "lutego lut luty subat sub فبراير فوریه פברואר פבר กุมภาพันธ์ ก.พ ဖေဖော်ဝါရီ ဖေ februari फरवरी फर ফেব্রুযারি "
        "ফেব helmikuuta helmi helmikuu unora uno unor februara febr februarie февруари фев фебруар феб veljace velj "
        "veljaca φεβρουαριου φεβ φεβρουαριοσ лютага люты febrer თებერვალი თებ փետրվարի փտվ փետրվար fevral ақпан ақп "
        "veebruar veebr februaris vasario vas vasaris பிப்ரவரி பிப் ఫిబ్రవరి ఫిబ్ర ഫെബ്രുവരി ഫെബ്രു ಫೆಬ್ರವರಿ ಫೆಬ್ರ "
        "ફેબ્રુઆરી ફેબ્રુ फेब्रुवारी फेब्रु ਫਰਵਰੀ ਫਰ फेब्रुअरी فروری កុម្ភៈ ກຸມພາ ກ.ພ shkurt shk pebrero peb feber "
        "شباط فيفري ဖေဖဝါရီ pebruari ফেব্রুযারী thang_hai ফেব্রু"
    ),
    (
        "march mar mars marzo marco marz марта мар март березня бер березень marca marzec mart مارس מרץ มีนาคม มี.ค "
        "မတ် maret मार्च মার্চ maart mrt marts maaliskuuta maalis maaliskuu brezna bre brezen marec marcius marc "
        "martie ozujka ozu ozujak μαρτιου μαρ μαρτιοσ сакавіка сак сакавік მარტი მარ մարտի մրտ մարտ наурыз нау kovo "
        "kov kovas mac மார்ச் மார் మార్చి മാർച്ച് മാർ ಮಾರ್ಚ್ માર્ચ ਮਾਰਚ مارچ មីនា ມີນາ ມ.ນ marso mrz اذار thang_ba"
    ),
    (
        "april apr avril avr abril abr aprile апреля апр апрель квітня квіт квітень kwietnia kwi kwiecien nisan nis "
        "ابريل اوریل אפריל אפר เมษายน เม.ย ဧပြီ ဧ अप्रैल এপ্রিল এপ্রি huhtikuuta huhti huhtikuu dubna dub duben "
        "aprila aprilis aprilie април travnja tra travanj απριλιου απρ απριλιοσ красавіка кра красавік აპრილი აპრ "
        "ապրիլի ապր ապրիլ aprel сәуір сәу aprill balandzio bal balandis ஏப்ரல் ஏப் ఏప్రిల్ ఏప్రి ഏപ്രിൽ ഏപ്രി ಏಪ್ರಿಲ್ "
        "ಏಪ್ರಿ એપ્રિલ एप्रिल एप्रि ਅਪ੍ਰੈਲ ਅਪ੍ਰੈ अप्रिल اپریل មេសា ເມສາ ມ.ສ prill pri نيسان افريل thang_tu অপ্রিল"
    ),
    (
        "may mai mayo maio maggio mag мая маи травня трав травень maja maj mayis مايو مه מאי พฤษภาคม พ.ค မေ mei मई মে "
        "toukokuuta touko toukokuu kvetna kve kveten majus мај svibnja svi svibanj μαιου μαι μαιοσ maig მაისი მაი "
        "մայիսի մյս մայիս мамыр мам maijs geguzes geg geguze மே మే മേയ് ಮೇ મે मे ਮਈ ميی ឧសភា ພຶດສະພາ ພ.ພ ايار ماي می "
        "thang_nam"
    ),
    (
        "june jun juin junio junho giugno giu juni июня июн июнь червня черв червень czerwca cze czerwiec haziran haz "
        "يونيو ژوين יוני มิถุนายน มิ.ย ဇွန် जून জুন kesakuuta kesa kesakuu cervna cvn cerven juna junius iunie iun "
        "юни јун lipnja lipanj junij ιουνιου ιουν ιουνιοσ чэрвеня чэр чэрвень juny ივნისი ივნ հունիսի հնս հունիս iyun "
        "iyn маусым мау juuni junijs birzelio birz birzelis ஜூன் జూన్ ജൂൺ ಜೂನ್ જૂન ਜੂਨ जुन جون មិថុនា ມິຖຸນາ ມິ.ຖ "
        "qershor qer hunyo hun حزيران جوان thang_sau"
    ),
    (
        "july jul juillet juil julio julho luglio lug juli июля июл июль липня лип липень lipca lipiec temmuz tem "
        "يوليو ژويیه יולי กรกฎาคม ก.ค ဇူလိုင် ဇူ जुलाई जुल জুলাই জুল heinakuuta heina heinakuu cervence cvc cervenec "
        "jula julius iulie iul юли јул srpnja srpanj julij ιουλιου ιουλ ιουλιοσ ліпеня ліп ліпень juliol ივლისი ივლ "
        "հուլիսի հլս հուլիս iyul iyl шілде шіл juuli julijs liepos liep liepa julai ஜூலை జులై ജൂലൈ ಜುಲೈ જુલાઈ जुलै "
        "ਜੁਲਾਈ ਜੁਲਾ جولايی កក្កដា ກໍລະກົດ ກ.ລ korrik korr hulyo hul تموز جويلية يوليوز جولای thang_bay"
    ),
    (
        "august aug aout agosto ago августа авг август серпня серп серпень sierpnia sie sierpien agustos agu اغسطس "
        "اوت אוגוסט אוג สิงหาคม ส.ค ဩဂုတ် ဩ agustus अगस्त अग আগস্ট আগ augustus augusti elokuuta elo elokuu srpna "
        "srpen augusta augusztus kolovoza kol kolovoz avgust avg αυγουστου αυγ αυγουστοσ жніуня жні жнівень agost ag "
        "აგვისტო აგვ օգոստոսի օգս օգոստոս avqust avq тамыз там augusts rugpjucio rugp rugpjutis ogos ogo ஆகஸ்ட் ஆக "
        "ఆగస్టు ఆగ ഓഗസ്റ്റ് ഓഗ ಆಗಸ್ಟ್ ಆಗ ઑગસ્ટ ऑगस्ट ऑग ਅਗਸਤ ਅਗ अगस्ट اگست សីហា ສິງຫາ ສ.ຫ agust gusht gush اب غشت "
        "اگوست သြဂုတ် agt ags অগাস্ট অগস্ট thang_tam"
    ),
    (
        "september sep septembre sept septiembre setembro set settembre сентября сент сентябрь вересня вер вересень "
        "wrzesnia wrz wrzesien eylul eyl سبتمبر سپتامبر ספטמבר ספט กันยายน ก.ย စက်တင်ဘာ စက် सितंबर सित সেপ্টেম্বর সেপ "
        "সেপ্ট syyskuuta syys syyskuu zari zar septembra szeptember szept septembrie септември сеп септембар rujna "
        "ruj rujan σεπτεμβριου σεπ σεπτεμβριοσ верасня верасень setembre სექტემბერი სექ սեպտեմբերի սեպ սեպտեմբեր "
        "sentyabr sen қыркүиек қыр septembris rugsejo rugs rugsejis செப்டம்பர் செப் సెప్టెంబర్ సెప్టెం സെപ്റ്റംബർ "
        "സെപ്റ്റം ಸೆಪ್ಟೆಂಬರ್ ಸೆಪ್ಟೆಂ સપ્ટેમ્બર સપ્ટે सप्टेंबर सप्टें ਸਤੰਬਰ ਸਤੰ सेप्टेम्बर ستمبر កញ្ញា ກັນຍາ ກ.ຍ "
        "shtator sht setyembre ايلول شتنبر setiembre सितम्बर сен thang_chin"
    ),
    (
        "october oct octobre octubre outubro out ottobre ott oktober okt октября окт октябрь жовтня жовт жовтень "
        "pazdziernika paz pazdziernik ekim eki اكتوبر اکتبر אוקטובר אוק ตุลาคม ต.ค အောက်တိုဘာ အောက် अक्टूबर अक्टू "
        "অক্টোবর অক্টো lokakuuta loka lokakuu rijna rij rijen oktobra octombrie октомври октобар οκτωβριου οκτ "
        "οκτωβριοσ кастрычніка кас кастрычнік ოქტომბერი ოქტ հոկտեմբերի հոկ հոկտեմբեր oktyabr қазан қаз oktoober "
        "oktobris spalio spal spalis அக்டோபர் அக் అక్టోబర్ అక్టో ഒക്ടോബർ ഒക്ടോ ಅಕ್ಟೋಬರ್ ಅಕ್ಟೋ ઑક્ટોબર ઑક્ટો ऑक्टोबर "
        "ऑक्टो ਅਕਤੂਬਰ ਅਕਤੂ अक्टोबर اکتوبر តុលា ຕຸລາ ຕ.ລ tetor tet oktubre تشرين_الاول تشرين_اول अक्तूबर thang_muoi"
    ),
    (
        "november nov novembre noviembre novembro ноября нояб ноябрь листопада лист листопад kasim kas نوفمبر نوامبر "
        "נובמבר נוב พฤศจิกายน พ.ย နိုဝင်ဘာ နို नवंबर नव নভেম্বর নভে marraskuuta marras marraskuu listopadu novembra "
        "noiembrie ноември ное новембар нов studenoga stu studeni νοεμβριου νοε νοεμβριοσ лістапада ліс лістапад "
        "ნოემბერი ნოე նոյեմբերի նոյ նոյեմբեր noyabr noy қараша қар novembris lapkricio lapkr lapkritis நவம்பர் நவ "
        "నవంబర్ నవం നവംബർ നവം ನವೆಂಬರ್ ನವೆಂ નવેમ્બર નવે नोव्हेंबर नोव्हें ਨਵੰਬਰ ਨਵੰ नोभेम्बर نومبر វិច្ឆិកា ພະຈິກ ພ.ຈ "
        "nentor nen nobyembre nob تشرين_الثاني تشرين_ثاني نونبر नवम्बर nopember ноя листоп thang_muoi_mot"
    ),
    (
        "december dec decembre diciembre dic dezembro dez dicembre dezember декабря дек декабрь грудня груд грудень "
        "grudnia gru grudzien aralik ara ديسمبر دسامبر דצמבר דצמ ธันวาคม ธ.ค ဒီဇင်ဘာ ဒီ desember des दिसंबर दिस "
        "ডিসেম্বর ডিসে joulukuuta joulu joulukuu prosince pro prosinec decembra decembrie декември децембар дец "
        "prosinca prosinac δεκεμβριου δεκ δεκεμβριοσ снежня сне снежань desembre დეკემბერი დეკ դեկտեմբերի դեկ "
        "դեկտեմբեր dekabr dek желтоқсан жел detsember dets decembris gruodzio gruod gruodis disember dis டிசம்பர் டிச "
        "డిసెంబర్ డిసెం ഡിസംബർ ഡിസം ಡಿಸೆಂಬರ್ ಡಿಸೆಂ ડિસેમ્બર ડિસે डिसेंबर डिसें ਦਸੰਬਰ ਦਸੰ डिसेम्बर دسمبر ធ្នូ ທັນວາ "
        "ທ.ວ dhjetor dhj disyembre كانون_الاول كانون_اول دجنبر दिसम्बर thang_muoi_hai thang_chap"
    ),
)
_WEEKDAYS = (  # from Monday on
    (
        "monday mon mo lundi lun lu lunes segunda-feira seg lunedi montag понедельник пн понеділок poniedziałek pon "
        "pazartesi pzt pt الاثنين اثنين دوشنبه ۲ش יום_שני יום_ב วันจันทร์ จันทร์ တနင်္လာ လာ thu_hai thu_2 t2 senin "
        "sen सोमवार सोम सो সোমবার সোম সোঃ maandag ma mandag man maanantaina maanantai pondeli po pondelok hetfo luni "
        "понеделник понедељак пон по ponedjeljak ponedeljek δευτερα δευ δε панядзелак dilluns dl ორშაბათი ორშ ორ "
        "երկուշաբթի երկ եկ bazar_ertəsi b.e дүисенбі дс esmaspaev pirmdiena pirmd pr pirmadienis isnin isn is திங்கள் "
        "திங் தி సోమవారం సోమ തിങ്കളാഴ്ച തിങ്കൾ തി ಸೋಮವಾರ ಸೋಮ સોમવાર સોમ સો ਸੋਮਵਾਰ ਸੋਮ सोमबार پیر ច័ន្ទ ចន្ទ ວັນຈັນ "
        "ຈັນ manudagur e_hene hen понед"
    ),
    (
        "tuesday tue tu mardi mar ma martes terca-feira ter martedi dienstag di вторник вт вівторок wtorek wt wto "
        "sali sal sa الثلاثاء ثلاثاء سهشنبه ۳ش יום_שלישי יום_ג วันอังคาร อังคาร အင်္ဂါ ဂါ thu_ba thu_3 t3 selasa sel "
        "मंगलवार मंगल मं মঙ্গলবার মঙ্গল মঃ dinsdag tisdag tis ti tirsdag tir tirs tiistaina tiistai utery ut utorok "
        "kedd marti уторак уто ут utorak uto torek tor τριτη τρι τρ ауторак ау dimarts dt სამშაბათი სამ სმ երեքշաբթի "
        "երք եք cərsənbə_axsami c.a сеисенбі сс teisipaev otrdiena otrd ot antradienis an se செவ்வாய் செவ் செ "
        "మంగళవారం మంగళ మం ചൊവ്വാഴ്ച ചൊവ്വ ചൊ ಮಂಗಳವಾರ ಮಂಗಳ મંગળવાર મંગળ મં मंगळवार मंगळ ਮੰਗਲਵਾਰ ਮੰਗਲ ਮੰਗ मङ्गलबार "
        "मङ्गल منگل អង្គារ ວັນອັງຄານ ອັງຄານ þriðjudagur þri þr e_marte вівт tues"
    ),
    (
        "wednesday wed we mercredi mer me miercoles mie mi quarta-feira qua mercoledi mittwoch среда ср середа sroda "
        "sr sro carsamba car ca الاربعاء اربعاء چهارشنبه ۴ش יום_רביעי יום_ד วันพุธ พุธ ဗုဒ္ဓဟူး ဟူး thu_tu thu_4 t4 "
        "rabu rab बुधवार बुध बु বুধবার বুধ বুঃ woensdag wo onsdag ons on keskiviikkona ke keskiviikko streda st "
        "szerda sze miercuri сряда сре srijeda sri sreda sre τεταρτη τετ τε серада dimecres dc ოთხშაბათი ოთხ ოთ "
        "չորեքշաբթի չրք չք cərsənbə сәрсенбі kolmapaev tresdiena tresd tr treciadienis ra புதன் புத பு బుధవారం బుధ "
        "ബുധനാഴ്ച ബുധൻ ബു ಬುಧವಾರ ಬುಧ બુધવાર બુધ બુ ਬੁੱਧਵਾਰ ਬੁੱਧ बुधबार بدھ ពុធ ពុ ວັນພຸດ ພຸດ miðvikudagur mið "
        "e_merkure miyerkules miy weds"
    ),
    (
        "thursday thu th jeudi jeu je jueves jue ju quinta-feira qui giovedi gio donnerstag do четверг чт четвер "
        "czwartek czw persembe per pe الخميس خميس پنجشنبه ۵ش יום_חמישי יום_ה วันพฤหัสบดี พฤหัส พฤ ကြာသပတေး တေး "
        "thu_nam thu_5 t5 kamis kam गुरुवार गुरु गु বৃহস্পতিবার বৃহস্পতি বৃঃ donderdag torsdag tors to tor torstaina "
        "torstai ctvrtek ct stvrtok st csutortok cs joi четвъртък четвртак чет че cetvrtak cet cetrtek πεμπτη πεμ πε "
        "чацвер чц dijous dj ხუთშაბათი ხუთ ხთ հինգշաբթի հնգ հգ cumə_axsami c.a беисенбі бс neljapaev ceturtdiena "
        "ceturtd ce ketvirtadienis kt khamis kha kh வியாழன் வியா வி గురువారం గురు വ്യാഴാഴ്ച വ്യാഴം വ്യാ ಗುರುವಾರ ಗುರು "
        "ગુરુવાર ગુરુ ગુ ਵੀਰਵਾਰ ਵੀਰ बिहिबार बिहि جمعرات ព្រហស្បតិ៍ ព្រហ ព្រ ວັນພະຫັດ ພະຫັດ ພຫ fimmtudagur fim fi "
        "e_enjte enj huwebes huw четв thur thurs"
    ),
    (
        "friday fri fr vendredi ven ve viernes vie vi sexta-feira sex venerdi freitag пятница пт пʼятниця piatek pt "
        "pia cuma cum cu الجمعة جمعة جمعه יום_שישי יום_ו วันศุกร์ ศุกร์ သောကြာ ကြာ thu_sau thu_6 t6 jumat jum "
        "शुक्रवार शुक्र शु শুক্রবার শুক্র শুঃ vrijdag vr fredag fre perjantaina pe perjantai patek pa piatok pi "
        "pentek vineri vin петък петак пет пе petak pet petek παρασκευη παρ πα пятніца divendres dv პარასკევი პარ პრ "
        "ուրբաթ ուր ու cumə жұма жм reede piektdiena piektd pk penktadienis pn jumaat ju வெள்ளி வெள் வெ శుక్రవారం "
        "శుక్ర വെള്ളിയാഴ്ച വെള്ളി വെ ಶುಕ್ರವಾರ ಶುಕ್ರ શુક્રવાર શુક્ર શુ ਸੁੱਕਰਵਾਰ ਸੁੱਕਰ ਸੁੱਕ शुक्रबार جمعہ សុក្រ សុ "
        "ວັນສຸກ ສຸກ ສຸ fostudagur fos fo e_premte pre biyernes biy пятн"
    ),
    (
        "saturday sat sa samedi sam sabado sab sabato samstag суббота сб субота sobota sob cumartesi cmt ct السبت سبت "
        "شنبه יום_שבת שבת วันเสาร์ เสาร์ စနေ နေ thu_bay thu_7 t7 sabtu शनिवार शनि শনিবার শনি zaterdag za lordag lor "
        "lo lørdag lør lø lauantaina la lauantai so szombat szo sambata събота суб су subota sub σαββατο σαβ σα "
        "dissabte ds შაბათი შაბ შბ շաբաթ շբթ շբ sənbə сенбі laupaev sestdiena sestd se sestadienis st சனி శనివారం శని "
        "ശനിയാഴ്ച ശനി ಶನಿವಾರ ಶನಿ શનિવાર શનિ ਸਨੀਵਾਰ ਸਨੀ शनिबार ہفتہ សៅរ៍ ວັນເສົາ ເສົາ laugardagur lau e_shtune sht "
        "субб"
    ),
    (
        "sunday sun su dimanche dim di domingo dom do domenica sonntag so воскресенье вс неділя нд niedziela niedz "
        "nie pazar paz pa الاحد احد یکشنبه ۱ش יום_ראשון יום_א วันอาทิตย์ อาทิตย์ อา တနင်္ဂနွေ နွေ chu_nhat cn minggu "
        "min रविवार रवि রবিবার রবি রঃ zondag zo sondag son søndag søn sø sunnuntaina sunnuntai nedele ne nedela "
        "vasarnap duminica dum du неделя недеља нед не nedjelja ned nedelja κυριακη κυρ κυ нядзеля diumenge dg კვირა "
        "კვი კვ կիրակի կիր կր bazar жексенбі жс puhapaev svetdiena svetd sv sekmadienis sk ahad ahd ah ஞாயிறு ஞாயி ஞா "
        "ఆదివారం ఆది ഞായറാഴ്ച ഞായർ ഞാ ಭಾನುವಾರ ಭಾನು રવિવાર રવિ ਐਤਵਾਰ ਐਤ आइतबार आइत اتوار អាទិត្យ អា ວັນອາທິດ ອາທິດ ອາ "
        "sunnudagur e_diel die linggo lin воскр"
    ),
)
BEFORE_NOON = "am a.m a.m. 上午 凌晨 早上 午前 오전 ص ق.ظ पूर्वाह्न öö sáng π.μ π.μ. πμ နံနက်"
AFTER_NOON = "pm p.m p.m. 下午 晚上 午後 오후 م ب.ظ अपराह्न ös chiều tối μ.μ μ.μ. μμ ညနေ"
_NOISE = (
    "on at of the um am den der à le la les el los il lo alle ore ora a las às de del di do da d o op om kl klo "
    "kello dne dnia godz godzina г год года годе р року рік рр в во у о об ч час часов година uhr h hrs hr hs "
    "saat günü yılı في من الساعة ساعة سنة عام يوم در ساعت روز تاريخ تاریخ ב בשעה שעה יום ngày năm lúc giờ pukul "
    "jam tanggal hari pada เวลา วันที่ วัน น พ.ศ ปี ค.ศ နေ့ ရက် ရက်နေ့ ခု ခုနှစ် နှစ် လ နာရီ မိနစ် को बजे तारीख "
    "दिन তারিখ সাল সময় বার an anno año ano t y i og och e und and et ve ο η στις τις published posted updated "
    "date time etc ημ ώρα"
)
_MARKS = re.compile("[\u0300-\u036f\u0653-\u0655\u093c\u09bc\u0a3c\u200c\u200d]")


def fold_name(word: str) -> str:
    """The name without case, accents, hamza, nukta, joiners and the dot of an abbreviation."""
    plain = _MARKS.sub("", normalize("NFKD", word.casefold().replace("ı", "i")))
    return normalize("NFC", plain).strip(".'’׳॰ ")


def _by_name(names: tuple[str, ...], first: int) -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for number, words in enumerate(names, first):
        for word in words.split():
            found.setdefault(word.replace("_", " "), set()).add(number)
    return {word: frozenset(numbers) for word, numbers in found.items()}


MONTHS = _by_name(_MONTHS, 1) | {  # the same word in Polish or Czech, and in Croatian
    "lip": frozenset((6, 7)),
    "srp": frozenset((7, 8)),
    **dict.fromkeys(("lis", "listopad", "listopada"), frozenset((10, 11))),
}
WEEKDAYS = _by_name(_WEEKDAYS, 0)
NOISE = frozenset(map(fold_name, _NOISE.split()))
